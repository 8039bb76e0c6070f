package toolchain

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plugproof/plugproof/results"
)

// fakeGo makes a GOROOT whose go command answers "go env" and nothing else.
func fakeGo(t *testing.T, version string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "goroot")
	for name, data := range map[string]string{
		"bin/go":  "#!/bin/sh\necho " + root + "\necho " + version + "\n",
		"VERSION": version + "\n", "go.env": "# defaults\nGOPROXY=direct\n",
		"pkg/tool/linux_amd64/compile": "compile", "pkg/tool/linux_amd64/link": "l", "pkg/tool/linux_amd64/asm": "asm", "pkg/tool/linux_amd64/cgo": "cgo", "pkg/include/textflag.h": "h", "pkg/obj/go-build/x": "cache",
		"src/fmt/print.go": "package fmt\n", "src/fmt/print_test.go": "package fmt\n", "src/fmt/testdata/x": "x",
		"src/cmd/compile/main.go": "package main\n", "src/go.mod": "module std\n", "src/_go.mod": "module std\n", "lib/time/zoneinfo.zip": "zip",
	} {
		write(t, filepath.Join(root, name), data)
	}
	return root
}

func goDigest(t *testing.T, s *Store, root string) results.Digest {
	t.Helper()
	g, err := s.Go(t.Context(), "fake=path:"+root)
	if err != nil {
		t.Fatal(err)
	}
	if g.Name != "fake" || g.Version != "go1.99.1" || g.GOROOT != root || g.Origin != OriginPath {
		t.Fatalf("got %+v", g)
	}
	return g.Digest
}

func TestGoDigest(t *testing.T) {
	root := fakeGo(t, "go1.99.1")
	s := &Store{Cache: t.TempDir()}
	base := goDigest(t, s, root)
	tests := []struct {
		file, data string
		counts     bool
	}{
		{"src/fmt/print.go", "package fmt // edited\n", true},
		{"src/fmt/new.go", "package fmt\n", true},
		{"src/vendor/x/x.go", "package x\n", true},
		{"pkg/tool/linux_amd64/compile", "COMPILE", true},
		{"pkg/tool/linux_amd64/link", "link", true},
		{"pkg/include/textflag.h", "g", true},
		{"VERSION", "go1.99.2\n", true},
		{"go.env", "GOAMD64=v3\n", true},
		{"lib/time/zoneinfo.zip", "ZIP", true},
		{"go.env", "GOPROXY=off\nGOTOOLCHAIN=local\n", false},
		{"src/fmt/print_test.go", "package fmt // edited\n", false},
		{"src/fmt/testdata/y", "y", false},
		{"src/cmd/compile/main.go", "package main // edited\n", false},
		{"src/crypto/_asm/go.mod", "module asm\n", false},
		{"src/_go.mod", "", false},
		{"pkg/obj/go-build/y", "cache", false},
		{"README.md", "text", false},
	}
	for _, tt := range tests {
		file := filepath.Join(root, tt.file)
		old, err := os.ReadFile(file)
		write(t, file, tt.data)
		if got := goDigest(t, s, root) != base; got != tt.counts {
			t.Errorf("%s: the digest differs: %v, want %v", tt.file, got, tt.counts)
		}
		if err == nil {
			write(t, file, string(old))
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if goDigest(t, s, root) != base {
		t.Error("the same contents have two digests")
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.CopyFS(moved, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	if d, err := s.goDigest(t.Context(), moved); err != nil || d != base {
		t.Errorf("a copy has digest %v (%v), want %v", d, err, base)
	}
}

// age makes a file look as if it had been left alone, so that its stat may be trusted; ctime can only be waited for.
func age(t *testing.T, path string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestStatCache(t *testing.T) {
	s := &Store{Cache: t.TempDir()}
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "one")
	age(t, file)
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	lie := results.DigestOf([]byte("a lie that shows that the cache was asked"))
	open := func(s *Store) *statCache {
		c := s.openCache("test", "root")
		c.old[file] = statEntry{stampOf(st), lie}
		return c
	}
	digest := func(s *Store) results.Digest {
		d, err := open(s).digest(file)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if digest(s) != lie {
		t.Error("an unchanged file was read again")
	}
	if digest(&Store{Cache: s.Cache, Paranoid: true}) != results.DigestOf([]byte("one")) {
		t.Error("a paranoid store trusted a stat")
	}
	write(t, file, "two") // the same size, and then the same mtime: only ctime tells
	age(t, file)
	if err := os.Chtimes(file, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if digest(s) != results.DigestOf([]byte("two")) {
		t.Error("an edit with a restored mtime was not seen")
	}
	c := open(s)
	if _, err := c.digest(file); err != nil {
		t.Fatal(err)
	}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	if got := s.openCache("test", "root").old; len(got) != 0 {
		t.Errorf("a file that changed a moment ago was remembered: %v", got)
	}
	c = open(s)
	e := c.old[file]
	e.CTime, e.MTime = 1, 1
	c.put("/some/file", e, true)
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	if got := s.openCache("test", "root").old; got["/some/file"] != e || len(got) != 1 {
		t.Errorf("remembered %v, want %v", got, e)
	}
	data, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		if got, ok := decodeStats(bad)["/some/file"]; ok && got != e {
			t.Fatalf("byte %d flipped: an entry %v that was never written", i, got)
		}
		if len(decodeStats(data[:i])) != 0 {
			t.Fatalf("cut at byte %d: entries", i)
		}
	}
}

func FuzzDecodeStats(f *testing.F) {
	f.Add([]byte(`{"schema":"plugproof/statcache/v1","sum":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","entries":{}}`))
	f.Add([]byte(`{"schema":"plugproof/statcache/v1","entries":null}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if decodeStats(data) == nil {
			t.Error("nil, which cannot be written to")
		}
	})
}

func TestGoErrorsHaveHints(t *testing.T) {
	boot := &Store{Cache: t.TempDir(), Offline: true, Bootstrap: filepath.Join(fakeGo(t, "go1.99.1"), "bin", "go")}
	none := &Store{Cache: t.TempDir()}
	unverified := &Store{Cache: t.TempDir(), Bootstrap: boot.Bootstrap, FetchEnv: []string{"GOPROXY=file:///nonexistent", "GOSUMDB=off"}}
	tests := []struct {
		name, spec string
		s          *Store
		want, hint string
	}{
		{"no version", "1.26", none, `"1.26" is not a version`, "go1.26.8"},
		{"nothing", "", none, `"" is not a version`, "go1.26.8"},
		{"a release's name for a path", "go1.26.8=path:/x", none, "is not a toolchain", "name=path:DIR"},
		{"no equals sign", "xpath:/x", none, "is not a toolchain", "name=path:DIR"},
		{"no GOROOT", "tip=path:/nonexistent", none, "no bin/go that runs", "make.bash"},
		{"no go at all", "go1.26.8", none, "no go command was found", "scripts/deps"},
		{"offline", "go1.25.3", boot, `getting the Go toolchain "go1.25.3": it is not on this machine`, "--offline"},
		{"unverified", "go1.25.3", unverified, "checksum database is disabled", "nobody verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.Go(t.Context(), tt.spec)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), tt.want) || !strings.Contains(e.Hint(), tt.hint) {
				t.Errorf("got %v (hint %q), want %q (hint %q)", err, hintOf(err), tt.want, tt.hint)
			}
		})
	}
}

func TestGoThatIsAlreadyThere(t *testing.T) {
	root := fakeGo(t, "go1.99.1")
	s := &Store{Cache: t.TempDir(), Offline: true, Once: true, Bootstrap: filepath.Join(root, "bin", "go")}
	for range 2 {
		g, err := s.Go(t.Context(), "go1.99.1")
		if err != nil || g.Name != "go1.99.1" || g.Origin != OriginLocal || g.GOROOT != root || g.Digest == "" {
			t.Fatalf("got %+v, %v", g, err)
		}
		if err := os.RemoveAll(filepath.Join(root, "src")); err != nil { // Once: the second answer comes from memory
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Go(t.Context(), "l=path:"+link); err != nil {
		t.Errorf("a GOROOT behind a link: %v", err)
	}
	write(t, filepath.Join(link, "bin", "go"), "#!/bin/sh\necho /usr\necho go1.99.1\n")
	if _, err := s.Go(t.Context(), "other=path:"+root); err == nil || !strings.Contains(hintOf(err), "name that directory") {
		t.Errorf("a go of another GOROOT: %v", err)
	}
}

func TestGoHere(t *testing.T) {
	s := store(t)
	if s.Bootstrap == "" {
		t.Skip("no go command")
	}
	root, version, err := s.goEnv(t.Context(), false, s.Bootstrap, "local")
	if err != nil {
		t.Fatal(err)
	}
	byPath, err := s.Go(t.Context(), "here=path:"+root)
	if err != nil {
		t.Fatal(err)
	}
	if !releaseSpec.MatchString(version) {
		t.Skipf("%q is no release", version)
	}
	byName, err := s.Go(t.Context(), version)
	if err != nil || byName.Digest != byPath.Digest {
		t.Errorf("%s is %s by name (%v), %s by path", version, byName.Digest, err, byPath.Digest)
	}
}

func TestGoFromTheUsersModuleCache(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks a release: 4 CPU seconds")
	}
	s := store(t)
	from := filepath.Join(s.Cache, "gomod")
	zips, err := filepath.Glob(filepath.Join(from, "cache", "download", "golang.org", "toolchain", "@v", "v0.0.1-*.zip"))
	if err != nil || len(zips) == 0 || s.Bootstrap == "" {
		t.Skip("no Go has been fetched on this machine yet")
	}
	version := strings.TrimPrefix(filepath.Base(zips[0]), "v0.0.1-")
	version = version[:strings.Index(version, ".linux")]
	want, err := s.Go(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	own := &Store{Cache: t.TempDir(), Bootstrap: s.Bootstrap, Offline: true, UserModCache: from}
	t.Cleanup(func() { // the go command makes modules read-only
		filepath.WalkDir(own.Cache, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o755)
			}
			return err
		})
	})
	got, err := own.Go(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest || want.Origin == OriginProxy && !strings.HasPrefix(got.GOROOT, own.Cache) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A GOROOT in which someone works is not the one of which a record would tell; one that was not built to the end is none.
func TestGoThatIsWorkedIn(t *testing.T) {
	root := fakeGo(t, "go1.99.1")
	s := &Store{Cache: t.TempDir(), Once: true}
	g, err := s.Go(t.Context(), "fake=path:"+root)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "src", "fmt", "print_test.go"), "package fmt // which no build reads\n")
	if err := s.Unchanged(t.Context(), g); err != nil {
		t.Errorf("a test was edited: %v", err)
	}
	write(t, filepath.Join(root, "src", "fmt", "print.go"), "package fmt // edited\n")
	if err := s.Unchanged(t.Context(), g); err == nil || !strings.Contains(err.Error(), "was changed while it was used") || hintOf(err) == "" {
		t.Errorf("a source was edited: %v", err)
	}
	g.Origin = OriginProxy
	if err := s.Unchanged(t.Context(), g); err != nil {
		t.Errorf("a release: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "pkg", "tool", runtime.GOOS+"_"+runtime.GOARCH, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Go(t.Context(), "half=path:"+root); err == nil || !strings.Contains(err.Error(), "it has no pkg/tool/") {
		t.Errorf("without a linker: %v", err)
	}
}
