package cpio

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	uroot "github.com/u-root/u-root/pkg/cpio"
)

var sample = []Entry{
	File("init", 0o755, []byte("#!/bin/sh\n")),
	File("lib/deep/er/file", 0o644, bytes.Repeat([]byte{7}, 5001)),
	File("lib-x", 0o600, nil),
	Symlink("bin/sh", "userland"),
	Char("dev/console", 0o600, 5, 1),
	Char("dev/null", 0o666, 1, 3),
	Dir("tmp", 0o1777),
}

func TestWriteThenRead(t *testing.T) {
	raw, err := Bytes(sample)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Name         string
		Mode         uint32
		Size         int64
		Inode        uint32
		Major, Minor uint32
		Target       string
	}
	var rows []row
	for _, h := range got {
		rows = append(rows, row{h.Name, h.Mode, h.Size, h.Inode, h.Major, h.Minor, h.Target})
		if h.UID != 0 || h.GID != 0 || h.MTime != 0 || h.Links == 0 {
			t.Errorf("%s: uid %d, gid %d, time %d, links %d", h.Name, h.UID, h.GID, h.MTime, h.Links)
		}
	}
	want := []row{
		{"bin", 0o40755, 0, 1, 0, 0, ""},
		{"bin/sh", 0o120777, 8, 2, 0, 0, "userland"},
		{"dev", 0o40755, 0, 3, 0, 0, ""},
		{"dev/console", 0o20600, 0, 4, 5, 1, ""},
		{"dev/null", 0o20666, 0, 5, 1, 3, ""},
		{"init", 0o100755, 10, 6, 0, 0, ""},
		{"lib", 0o40755, 0, 7, 0, 0, ""},
		{"lib-x", 0o100600, 0, 8, 0, 0, ""},
		{"lib/deep", 0o40755, 0, 9, 0, 0, ""},
		{"lib/deep/er", 0o40755, 0, 10, 0, 0, ""},
		{"lib/deep/er/file", 0o100644, 5001, 11, 0, 0, ""},
		{"tmp", 0o41777, 0, 12, 0, 0, ""},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
	data, err := io.ReadAll(got[10].Contents(bytes.NewReader(raw)))
	if err != nil || !bytes.Equal(data, sample[1].Data) {
		t.Errorf("contents of %q: %d bytes, %v", got[10].Name, len(data), err)
	}
}

// TestURootReadsIt checks the archive with the reader that u-root boots from.
func TestURootReadsIt(t *testing.T) {
	raw, err := Bytes(sample)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := Read(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var names, theirs []string
	for _, h := range mine {
		names = append(names, h.Name)
	}
	records, err := uroot.ReadAllRecords(uroot.Newc.Reader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		theirs = append(theirs, r.Name)
		if i < len(mine) && (r.Mode != uint64(mine[i].Mode) || r.Rmajor != uint64(mine[i].Major) || r.Rminor != uint64(mine[i].Minor)) {
			t.Errorf("%s: mode %o, device %d:%d", r.Name, r.Mode, r.Rmajor, r.Rminor)
		}
	}
	if diff := cmp.Diff(names, theirs); diff != "" {
		t.Errorf("names (-mine +u-root's):\n%s", diff)
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	a, err := Bytes(sample)
	if err != nil {
		t.Fatal(err)
	}
	var reversed []Entry
	for i := len(sample) - 1; i >= 0; i-- {
		reversed = append(reversed, sample[i])
	}
	if b, err := Bytes(reversed); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the order of the entries changes the archive (%v)", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []Entry
		text    string
	}{
		{"absolute", []Entry{File("/init", 0, nil)}, "clean relative"},
		{"outside", []Entry{File("../init", 0, nil)}, "clean relative"},
		{"unclean", []Entry{File("a//b", 0, nil)}, "clean relative"},
		{"empty", []Entry{File("", 0, nil)}, "clean relative"},
		{"zero byte", []Entry{File("a\x00b", 0, nil)}, "zero byte"},
		{"twice", []Entry{File("a", 0, nil), Dir("a", 0)}, "twice"},
		{"under a file", []Entry{File("a", 0, nil), File("a/b", 0, nil)}, "no directory"},
		{"trailer", []Entry{File("TRAILER!!!", 0, nil)}, "ends an archive"},
		{"no target", []Entry{Symlink("a", "")}, "no target"},
		{"long", []Entry{File(strings.Repeat("n", MaxName), 0, nil)}, "longer"},
		{"type", []Entry{{Name: "a", Mode: 0o060000}}, "unknown type"},
	} {
		if _, err := Bytes(tt.entries); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.text)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	whole, err := Bytes([]Entry{File("a", 0o644, []byte("data"))})
	if err != nil {
		t.Fatal(err)
	}
	set := func(off int, s string) []byte {
		b := bytes.Clone(whole)
		copy(b[off:], s)
		return b
	}
	for _, tt := range []struct {
		name string
		raw  []byte
	}{
		{"empty", nil},
		{"zeros", make([]byte, 8192)},
		{"gzip", []byte("\x1f\x8b\x08 this is no cpio archive but something compressed, which is not read here; it is long enough for a header")},
		{"cut header", whole[:50]},
		{"cut name", whole[:111]},
		{"cut data", whole[:114]},
		{"no trailer", whole[:120]},
		{"magic", set(0, "070707")},
		{"digits", set(54, "-0000001")},
		{"size", set(54, "FFFFFFFF")},
		{"name size", set(94, "FFFFFFFF")},
		{"no name", set(94, "00000001")},
	} {
		if _, err := Read(bytes.NewReader(tt.raw), int64(len(tt.raw))); !errors.Is(err, ErrFormat) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: error %v, want %v", tt.name, err, ErrFormat)
		}
	}
}

func FuzzRead(f *testing.F) {
	raw, err := Bytes(sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(append(bytes.Clone(raw), append(make([]byte, 512), raw...)...))
	f.Add(raw[:200])
	f.Add([]byte("070701"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bytes.NewReader(raw)
		list, err := Read(r, int64(len(raw)))
		if err != nil {
			return
		}
		for _, h := range list {
			if h.Offset < 0 || h.Size < 0 || h.Offset+h.Size > int64(len(raw)) {
				t.Fatalf("%q lies at %d with %d bytes, the archive has %d", h.Name, h.Offset, h.Size, len(raw))
			}
		}
		look, err := NewFS(r, int64(len(raw)))
		if err != nil {
			t.Fatalf("the archive was read, but not looked up in: %v", err)
		}
		for _, h := range list {
			if f, err := look.Open(h.Name); err == nil {
				f.Stat()
				f.Close()
			}
		}
	})
}
