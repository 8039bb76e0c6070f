package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/results"
)

// TestSameBannerOtherToolchain: cmd/go knows a C compiler by one line, which stays the same when the wrapper around the linker, a crt file
// or the libc changes. Each such change must lead to build caches of its own, or a warm twin could be equal and wrong.
func TestSameBannerOtherToolchain(t *testing.T) {
	b, x := world(t)
	const musl = "/usr/lib/x86_64-linux-musl"
	if _, err := exec.LookPath("musl-gcc"); err != nil {
		t.Skip("musl-gcc is not installed")
	}
	if _, err := os.Stat(musl); err != nil {
		t.Skip("musl is not in " + musl)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "lib"), os.DirFS(musl)); err != nil {
		t.Skip(err)
	}
	specs, err := os.ReadFile(filepath.Join(musl, "musl-gcc.specs"))
	if err != nil {
		t.Skip(err)
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put("specs", strings.ReplaceAll(string(specs), musl, filepath.Join(dir, "lib")))
	wrapper := func(flags string) {
		put("mycc", "#!/bin/sh\nexec gcc \"$@\" -specs "+filepath.Join(dir, "specs")+flags+"\n")
	}
	wrapper("")
	store := &toolchain.Store{Cache: t.TempDir(), Offline: true}
	look := func() (banner string, digest results.Digest, cache string) {
		t.Helper()
		c, err := store.C(t.Context(), "amd64", "musl", toolchain.Elsewhere("mycc", []string{dir}))
		if err != nil {
			t.Fatal(err)
		}
		j := Job{Arch: "amd64", Go: x.g, C: c}
		path, warm, release, err := b.gocache(t.Context(), j, j.usual("b"))
		if err != nil || warm {
			t.Fatal(err, warm)
		}
		release()
		return c.Banner, c.Digest, path
	}
	b.Cache = t.TempDir()
	banner, digest, cache := look()
	seen := map[string]string{cache: "nothing"}
	for _, tt := range []struct {
		name   string
		change func()
	}{
		{"a flag in the wrapper", func() { wrapper(" -Wl,--hash-style=sysv") }},
		{"a crt file", func() { grow(t, filepath.Join(dir, "lib", "crti.o")) }},
		{"the libc", func() { grow(t, filepath.Join(dir, "lib", "libc.so")) }},
	} {
		tt.change()
		nowBanner, nowDigest, nowCache := look()
		if nowBanner != banner {
			t.Errorf("%s: the banner is %q and was %q", tt.name, nowBanner, banner)
		}
		if was, old := seen[nowCache]; old || nowDigest == digest {
			t.Errorf("after a change of %s the build cache is the one after a change of %s", tt.name, was)
		}
		seen[nowCache] = tt.name
	}
}

func grow(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
}
