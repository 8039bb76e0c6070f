package shape_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
	"github.com/plugproof/plugproof/verify/shape"
)

// built compiles a program for this machine, with a C compiler if plugins are involved.
func built(t *testing.T, mode, source string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.test/s\n\ngo 1.21\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", append(append([]string{"build", "-buildmode=" + mode, "-o", "out"}, flags...), ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no toolchain that builds a %s: %v: %s", mode, err, out)
	}
	return filepath.Join(dir, "out")
}

func read(t *testing.T, file string) results.Shape {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shape.Read(bytes.NewReader(data), int64(len(data)), results.DigestOf(data), true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHostAndPlugin(t *testing.T) {
	if testing.Short() {
		t.Skip("links for real: some CPU seconds")
	}
	host := read(t, built(t, "exe", "package main\n\nimport \"plugin\"\n\nfunc main() { plugin.Open(\"\") }\n"))
	plug := read(t, built(t, "plugin", "package main\n\nvar X = 1\n"))
	for name, s := range map[string]results.Shape{"host": host, "plugin": plug} {
		m := s.Module
		at := slices.IndexFunc(m.Fields, func(f results.StructField) bool { return f.Name == "pkghashes" })
		next := slices.IndexFunc(m.Fields, func(f results.StructField) bool { return f.Name == "next" })
		if at < 0 || next < 0 || m.Fields[at].Type != "[]runtime.modulehash" || m.Fields[next].Type != "*runtime.moduledata" {
			t.Fatalf("%s: fields %+v", name, m.Fields)
		}
		if m.Size != uint64(m.Fields[next].Offset)+8 {
			t.Errorf("%s: size %d, and next is at %d", name, m.Size, m.Fields[next].Offset)
		}
		if name == "plugin" && m.PkgHashes != uint64(m.Fields[at].Offset) {
			t.Errorf("the file's tables say that pkghashes is at %d, its debugging information %d", m.PkgHashes, m.Fields[at].Offset)
		}
		if s.Schema != results.ShapeSchema || s.Size == 0 || s.Go == "" || len(s.Sections) < 20 {
			t.Errorf("%s: %+v", name, s)
		}
		if !slices.ContainsFunc(s.Packages, func(p results.PackageHash) bool { return p.Name == "runtime" && len(p.Hash) == 16 }) {
			t.Errorf("%s: no fingerprint of runtime among %v", name, s.Packages)
		}
	}
	stripped := read(t, built(t, "plugin", "package main\n\nvar X = 1\n", "-ldflags=-s -w"))
	if len(stripped.Module.Fields) != 0 || stripped.Module.PkgHashes != plug.Module.PkgHashes || len(stripped.Packages) != len(plug.Packages) {
		t.Errorf("stripped: %+v", stripped.Module)
	}
}

func TestWhatIsNoELF(t *testing.T) {
	if _, err := shape.Read(bytes.NewReader([]byte("text")), 4, "", true); !errors.Is(err, goelf.ErrNotELF) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		f.Add(self[:4096])
	}
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		shape.Read(bytes.NewReader(data), int64(len(data)), "", true)
	})
}
