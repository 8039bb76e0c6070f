package toolchain

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hello = `#include <stdio.h>
#include <pthread.h>
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
int main(int argc, char **argv) { pthread_mutex_lock(&mu); double x = argc * 1.5; printf("hello %.1f %s\n", x, __FILE__); return 0; }
`

// compile builds hello.c into an ELF file in a new directory and returns its bytes.
func compile(t *testing.T, c C, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hello.c"), hello)
	cc, err := lookIn(c.Path, c.CC)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cc, append(flags, "-g", "-O2", "-ffile-prefix-map="+dir+"=/src", "-o", "out", "hello.c")...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + strings.Join(c.Path, ":")}, "TMPDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCIsTheSameInEveryCache(t *testing.T) {
	tests := []struct {
		arch, loader string
		machine      elf.Machine
		tools        []string
		run          []string
	}{
		{"amd64", "/lib/ld-musl-x86_64.so.1", elf.EM_X86_64, []string{"musl-gcc"}, nil},
		{"arm", "/lib/ld-musl-armhf.so.1", elf.EM_ARM, []string{"arm-linux-gnueabihf-gcc"}, []string{"qemu-arm-static", "qemu-arm"}},
	}
	for _, tt := range tests {
		t.Run(tt.arch, func(t *testing.T) {
			a, b := store(t), store(t)
			need(t, a, tt.tools...)
			// A real copy beneath a path of another length, reached through a link: nothing of it may be seen.
			deep := filepath.Join(t.TempDir(), "a-longer-name-for-the-cache")
			if err := os.CopyFS(filepath.Join(deep, "inputs", "musl-armhf"), os.DirFS(filepath.Join(a.Cache, "inputs", "musl-armhf"))); err != nil {
				t.Fatal(err)
			}
			b.Cache = filepath.Join(t.TempDir(), "l")
			if err := os.Symlink(deep, b.Cache); err != nil {
				t.Fatal(err)
			}
			var cs [2]C
			for i, s := range []*Store{a, b} {
				var err error
				if cs[i], err = s.C(t.Context(), tt.arch, "musl", nil); err != nil {
					t.Fatal(err)
				}
			}
			type fact struct {
				CC                       string
				Env                      []string
				Digest, Libc, LoaderHash string
			}
			of := func(c C) fact {
				return fact{c.CC, c.Env, string(c.Digest), string(c.LibcDigest), string(c.LoaderDigest)}
			}
			if d := cmp.Diff(of(cs[0]), of(cs[1])); d != "" {
				t.Errorf("two caches, two toolchains (-a +b):\n%s", d)
			}
			if cs[0].LoaderPath != tt.loader || cs[0].LibcDigest == "" || !strings.HasPrefix(cs[0].Banner, "gcc version") {
				t.Errorf("loader %q, libc %q, banner %q", cs[0].LoaderPath, cs[0].LibcDigest, cs[0].Banner)
			}
			for _, flags := range [][]string{nil, {"-shared", "-fPIC"}} {
				x, y := compile(t, cs[0], flags...), compile(t, cs[1], flags...)
				if !bytes.Equal(x, y) {
					t.Errorf("%v: the bytes differ between caches", flags)
				}
				for _, s := range []string{a.Cache, b.Cache, deep, "inputs/"} {
					if bytes.Contains(x, []byte(s)) || bytes.Contains(y, []byte(s)) {
						t.Errorf("%v: the cache's path %q is in the bytes", flags, s)
					}
				}
				checkELF(t, x, tt.machine, tt.loader, flags == nil)
			}
			runHello(t, a, cs[0], tt.run)
		})
	}
}

func checkELF(t *testing.T, data []byte, m elf.Machine, loader string, program bool) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	libs, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != m || !slices.Equal(libs, []string{"libc.so"}) {
		t.Errorf("machine %v needs %v", f.Machine, libs)
	}
	if p := f.Section(".interp"); program && (p == nil || !hasInterp(p, loader)) {
		t.Errorf("the interpreter is not %q", loader)
	}
}

func hasInterp(s *elf.Section, loader string) bool {
	data, err := s.Data()
	return err == nil && string(data) == loader+"\x00"
}

func runHello(t *testing.T, s *Store, c C, emulators []string) {
	t.Helper()
	dir := t.TempDir()
	exe := filepath.Join(dir, "hello")
	if err := os.WriteFile(exe, compile(t, c), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{c.Loader, exe} // musl's loader takes a program as its argument
	if emulators != nil {
		i := slices.IndexFunc(emulators, func(name string) bool { _, err := lookIn(s.path(), name); return err == nil })
		if i < 0 {
			t.Skipf("none of %q is installed", emulators)
		}
		args = append([]string{emulators[i]}, args...)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "hello 1.5 ") {
		t.Errorf("running %q: %v: %s", args, err, out)
	}
}

func TestCDigestSeesEveryPart(t *testing.T) {
	s := store(t)
	need(t, s, "arm-linux-gnueabihf-gcc")
	if err := os.Remove(filepath.Join(s.Cache, "inputs")); err != nil {
		t.Fatal(err)
	}
	musl := filepath.Join(s.Cache, "inputs", "musl-armhf")
	if err := os.CopyFS(musl, os.DirFS(filepath.Join(machineCache(t), "inputs", "musl-armhf"))); err != nil {
		t.Fatal(err)
	}
	before, err := s.C(t.Context(), "arm", "musl", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lib/crti.o", "lib/libc.a", "lib/libc.so", "include/stdio.h", "include/bits/alltypes.h"} {
		file := filepath.Join(musl, name)
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(slices.Clone(old), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		after, err := s.C(t.Context(), "arm", "musl", nil)
		if err != nil {
			t.Fatal(err)
		}
		if after.Digest == before.Digest || after.LibcDigest == before.LibcDigest {
			t.Errorf("%s: an edit is not seen", name)
		}
		if err := os.WriteFile(file, old, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.C(t.Context(), "arm", "musl", nil)
	if err != nil {
		t.Fatal(err)
	}
	if after.Digest != before.Digest {
		t.Error("the same contents have two digests")
	}
}

func TestCOverride(t *testing.T) {
	s := store(t)
	need(t, s, "musl-gcc")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "my-gcc"), "#!/bin/sh\nexec musl-gcc -Wl,--hash-style=sysv \"$@\"\n")
	plain, err := s.C(t.Context(), "amd64", "musl", nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := s.C(t.Context(), "amd64", "musl", &CCOverride{CC: "my-gcc -O1", Path: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if own.Digest == plain.Digest || own.LibcDigest != plain.LibcDigest || own.CC != "my-gcc -O1" || own.Loader != plain.Loader {
		t.Errorf("got %+v, beside %+v", own, plain)
	}
}

func TestCErrorsHaveHints(t *testing.T) {
	s := store(t)
	empty := &Store{Cache: t.TempDir(), Path: []string{t.TempDir()}}
	tests := []struct {
		name       string
		s          *Store
		arch, libc string
		over       *CCOverride
		want, hint string
	}{
		{"unknown arch", s, "mips", "musl", nil, `no C toolchain is known for "musl" on "mips"`, "amd64, arm"},
		{"not installed", empty, "amd64", "musl", nil, `"musl-gcc" for musl and amd64 is not there`, "musl-tools"},
		{"cross not installed", empty, "arm", "musl", nil, `"arm-linux-gnueabihf-gcc" for musl and arm is not there`, "scripts/deps"},
		{"empty override", s, "amd64", "musl", &CCOverride{CC: " "}, "empty command", "[cc.amd64]"},
		{"override missing", s, "arm", "musl", &CCOverride{CC: "no-such-gcc"}, `"no-such-gcc"`, "[cc.arm]"},
		{"override no compiler", s, "amd64", "musl", &CCOverride{CC: "true"}, "is no C compiler that works", "-###"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.C(t.Context(), tt.arch, tt.libc, tt.over)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), tt.want) || !strings.Contains(e.Hint(), tt.hint) {
				t.Errorf("got %v (hint %q), want %q (hint %q)", err, hintOf(err), tt.want, tt.hint)
			}
		})
	}
}

func hintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint()
	}
	return ""
}

func FuzzParseAnswers(f *testing.F) {
	f.Add("gcc version 12.2.0 (Debian 12.2.0-14)\n#include <...> search starts here:\n /usr/include\nEnd of search list.\n")
	f.Add(" /x/collect2 -dynamic-linker /lib/ld.so -L/a /a/crti.o \"-plugin-opt=/x/lto-wrapper\"\nprog: as as\nfile: /x/crtbegin.o\n")
	f.Add(" -dynamic-linker")
	f.Add("clang version 17\nCOLLECT_GCC=\nprog: \nfile: \n")
	f.Fuzz(func(t *testing.T, out string) {
		parseAnswers(out)
	})
}
