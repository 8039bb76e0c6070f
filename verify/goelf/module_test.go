package goelf

import (
	"bytes"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPathFurtherOff: in a Go of one's own a field may stand between the path and pkghashes.
func TestPathFurtherOff(t *testing.T) {
	for name, fk := range fakes() {
		for extra, want := range map[int]string{1: fk.path, 2: fk.path, 3: ""} {
			fk.extra = extra
			if m, err := open(t, fk.write()).Plugin(); err != nil || m.Path != want || len(m.Packages) != len(fk.pkgs) || want != "" && m.PathAddr == 0 {
				t.Errorf("%s, %d words between: path %q, want %q: %v", name, extra, m.Path, want, err)
			}
		}
		fk.extra, fk.path = 0, ""
		if m, err := open(t, fk.write()).Plugin(); err != nil || m.Path != "" {
			t.Errorf("%s: a path that is empty: %q, %v", name, m.Path, err)
		}
		fk.extra, fk.path = 1, "a\x01b"
		if m, err := open(t, fk.write()).Plugin(); err != nil || m.Path != "" {
			t.Errorf("%s: bytes that are no path: %q, %v", name, m.Path, err)
		}
	}
}

func TestPlugin(t *testing.T) {
	for name, fk := range fakes() {
		t.Run(name, func(t *testing.T) {
			f := open(t, fk.write())
			m, err := f.Plugin()
			if err != nil {
				t.Fatal(err)
			}
			if m.Path != fk.path {
				t.Errorf("Path = %q, want %q", m.Path, fk.path)
			}
			for _, p := range m.Packages {
				name, _ := f.ReadAddr(p.NameAddr, uint64(len(p.Name)))
				if hash, _ := f.ReadAddr(p.HashAddr, 8); string(name) != p.Name || string(hash) != p.Hash {
					t.Errorf("at the addresses of %q are %q and %x", p.Name, name, hash)
				}
			}
			noAddrs := cmpopts.IgnoreFields(Package{}, "NameAddr", "HashAddr")
			if d := cmp.Diff(fk.pkgs, m.Packages, noAddrs); d != "" {
				t.Errorf("Packages (-want +got):\n%s", d)
			}
			if at := (m.Field - m.Start) / uint64(f.PtrSize()); m.Start == 0 || at != 56 {
				t.Errorf("pkghashes is word %d of the module data, want 56", at)
			}
			all, err := f.PackageHashes()
			if err != nil {
				t.Fatal(err)
			}
			want := append([]Package{}, fk.pkgs...)
			sort.Slice(want, func(i, j int) bool { return want[i].Name < want[j].Name })
			if d := cmp.Diff(want, all, noAddrs); d != "" {
				t.Errorf("PackageHashes (-want +got):\n%s", d)
			}
			for _, p := range fk.pkgs {
				if h, ok, err := f.PackageHash(p.Name); h != p.Hash || !ok || err != nil {
					t.Errorf("PackageHash(%q) = %q, %v, %v", p.Name, h, ok, err)
				}
			}
			if _, ok, err := f.PackageHash("no/such"); ok || err != nil {
				t.Errorf("PackageHash of a package that is not there: %v, %v", ok, err)
			}
			if n, err := f.ModuleDataSize(); n != fk.size || err != nil {
				t.Errorf("ModuleDataSize = %d, %v", n, err)
			}
			if n, err := f.DynSymbolCount(); n != uint32(2*len(fk.pkgs)+2) || err != nil {
				t.Errorf("DynSymbolCount = %d, %v", n, err)
			}
			if names, err := f.FileNames(); err != nil || cmp.Diff([]string{"runtime/x.go"}, names) != "" {
				t.Errorf("FileNames = %q, %v", names, err)
			}
		})
	}
}
