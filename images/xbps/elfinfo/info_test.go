package elfinfo

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
)

func read(data []byte) (*Info, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func TestRead(t *testing.T) {
	s := elftest.Glibc
	s.Soname = "libx.so.1"
	got, err := read(s.Build())
	if err != nil {
		t.Fatal(err)
	}
	want := &Info{Class: elf.ELFCLASS64, Data: elf.ELFDATA2LSB, Machine: elf.EM_X86_64, Type: elf.ET_DYN, Interp: s.Interp, Dynamic: true,
		Needed: s.Needed, Soname: "libx.so.1", Versions: s.Versions}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func classes(list []Mismatch) (out []string) {
	for _, m := range list {
		out = append(out, m.Class)
	}
	return out
}

func TestCheck(t *testing.T) {
	soft := elftest.ARM
	soft.Flags = 0x05000200
	softLoader := elftest.ARM
	softLoader.Flags, softLoader.Interp = 0x05000002, "/lib/ld-linux.so.3"
	alone := elftest.ARM
	alone.Flags, alone.Interp, alone.Needed = 0x05000002, "", nil
	taken := elftest.Musl // a plugin linked by glibc's gcc that needs nothing of glibc loads on musl
	taken.Interp, taken.Needed = "", []string{"libc.so.6"}
	odd := elftest.Musl
	odd.Interp = "/tmp/ld.so"
	ldlinux := elftest.Musl
	ldlinux.Needed = []string{"ld-linux-x86-64.so.2"}
	for _, c := range []struct {
		name string
		spec elftest.Spec
		arch string
		want []string
	}{
		{"musl", elftest.Musl, "x86_64-musl", nil},
		{"glibc", elftest.Glibc, "x86_64", nil},
		{"glibc in musl", elftest.Glibc, "x86_64-musl", []string{WrongLibc, WrongLibc}},
		{"musl in glibc", elftest.Musl, "x86_64", []string{WrongLibc, WrongLibc}},
		{"libc.so.6 by name", taken, "x86_64-musl", nil},
		{"ld-linux needed", ldlinux, "x86_64-musl", []string{WrongLibc}},
		{"odd loader", odd, "x86_64-musl", []string{WrongLoader}},
		{"arm", elftest.ARM, "armv7l-musl", nil},
		{"arm static", alone, "armv6l-musl", nil},
		{"arm soft", soft, "armv7l-musl", []string{WrongFloat}},
		{"arm soft loader", softLoader, "armv7l-musl", []string{WrongFloat, WrongLibc}},
		{"arm in amd64", elftest.ARM, "x86_64-musl", []string{WrongMachine}},
		{"amd64 in arm64", elftest.Musl, "aarch64-musl", []string{WrongMachine}},
		{"unknown", elftest.Musl, "noarch", nil},
	} {
		info, err := read(c.spec.Build())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, classes(info.Check(c.arch))); d != "" {
			t.Errorf("%s: %s\n%v", c.name, d, info.Check(c.arch))
		}
	}
}

func TestLevel(t *testing.T) {
	i := &Info{Class: elf.ELFCLASS32, Data: elf.ELFDATA2LSB, Machine: elf.EM_ARM, Flags: 0x05000400, HasAttributes: true, CPUArch: 10}
	if d := cmp.Diff([]Mismatch{{WrongLevel, "a file for ARM v7, the package is for ARM v6"}}, i.Check("armv6l-musl")); d != "" {
		t.Error(d)
	}
	if got := i.Check("armv7l-musl"); got != nil {
		t.Error(got)
	}
}

// TestCompilers reads what the C compilers of this machine make.
func TestCompilers(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "a.c")
	if err := os.WriteFile(src, []byte("#include <stdio.h>\nint main(void) { puts(\"x\"); return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range []struct {
		cc, arch string
		args     []string
		want     []string
	}{
		{"gcc", "x86_64", nil, nil},
		{"gcc", "x86_64-musl", nil, []string{WrongLibc, WrongLibc}},
		{"musl-gcc", "x86_64-musl", nil, nil},
		{"arm-linux-gnueabihf-gcc", "armv7l", nil, nil},
		{"arm-linux-gnueabihf-gcc", "armv7l-musl", nil, []string{WrongLibc, WrongLibc}},
		{"arm-linux-gnueabihf-gcc", "armv6l", nil, []string{WrongLevel}},
	} {
		if _, err := exec.LookPath(c.cc); err != nil {
			continue
		}
		out := filepath.Join(dir, "a.out")
		if msg, err := exec.Command(c.cc, append(c.args, "-o", out, src)...).CombinedOutput(); err != nil {
			t.Logf("%s cannot link: %s", c.cc, msg)
			continue
		}
		ran++
		data, _ := os.ReadFile(out)
		info, err := read(data)
		if err != nil {
			t.Errorf("%s: %v", c.cc, err)
			continue
		}
		if d := cmp.Diff(c.want, classes(info.Check(c.arch))); d != "" {
			t.Errorf("%s for %s: %s\n%+v", c.cc, c.arch, d, info)
		}
	}
	if ran == 0 {
		t.Skip("no C compiler is installed")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []elftest.Spec{elftest.Musl, elftest.Glibc, elftest.ARM} {
		f.Add(s.Build())
	}
	f.Add([]byte(elf.ELFMAG))
	f.Fuzz(func(t *testing.T, data []byte) {
		if info, err := read(data); err == nil {
			for name := range arches {
				info.Check(name)
				info.Check(name + "-musl")
			}
		}
	})
}
