package rootfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// disk is a payload in memory.
type disk []byte

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	if need := int(off) + len(p); need > len(*d) {
		*d = append(*d, make([]byte, need-len(*d))...)
	}
	return copy((*d)[off:], p), nil
}

// list walks the file system as the kernel does and describes every file.
func (d disk) list(nid uint64, name string) []string {
	le := binary.LittleEndian
	meta := int(le.Uint32(d[superOffset+40:])) * Block
	in := d[meta+int(nid)*nidUnit:]
	mode, size, block := le.Uint16(in[4:]), int(le.Uint64(in[8:])), int(le.Uint32(in[16:]))
	data := d[block*Block : block*Block+size]
	line := fmt.Sprintf("%s %o %d", name, mode, size)
	switch mode & 0o170000 {
	case 0o120000:
		return []string{line + " -> " + string(data)}
	case 0o100000:
		return []string{line}
	}
	out := []string{fmt.Sprintf("%s %o", name, mode)}
	last := ""
	for off := 0; off < size; off += Block {
		b := data[off:min(size, off+Block)]
		first := int(le.Uint16(b[8:]))
		for i := 0; i < first/direntSize; i++ {
			e := b[i*direntSize:]
			from, to := int(le.Uint16(e[8:])), len(b)
			if i+1 < first/direntSize {
				to = int(le.Uint16(e[direntSize+8:]))
			}
			child := strings.TrimRight(string(b[from:to]), "\x00")
			if child <= last {
				out = append(out, fmt.Sprintf("%q after %q", child, last))
			}
			if last = child; child != "." && child != ".." {
				out = append(out, d.list(le.Uint64(e), name+"/"+child)...)
			}
		}
	}
	return out
}

func TestWrite(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, bytes.Repeat([]byte("s"), 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []File{
		{Name: "host", Perm: 0o755, Source: source},
		{Name: "a/b/c", Perm: 0o600, Data: []byte("c")},
		{Name: "-first", Perm: 0o644},
		{Name: "link", Target: "a/b/c"},
		{Name: "empty", Dir: true, Perm: 0o700},
	}
	for i := range 300 {
		files = append(files, File{Name: fmt.Sprintf("many/%040d", i), Perm: 0o644, Data: []byte{1}})
	}
	var d disk
	wrote, err := Write(&d, files)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	want = append(want, " 40755", "/-first 100644 0", "/a 40755", "/a/b 40755", "/a/b/c 100600 1", "/empty 40700", "/host 100755 10000", "/link 120777 5 -> a/b/c", "/many 40755")
	for i := range 300 {
		want = append(want, fmt.Sprintf("/many/%040d 100644 1", i))
	}
	got := d.list(uint64(binary.LittleEndian.Uint16(d[superOffset+14:])), "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("disk (-want +got):\n%s", diff)
	}
	if int64(len(d)) > wrote.Bytes || !wrote.Standard {
		t.Errorf("%d bytes were written, %+v reported", len(d), wrote)
	}
	var again disk
	for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
		files[i], files[j] = files[j], files[i]
	}
	if _, err := Write(&again, files); err != nil || !bytes.Equal(d, again) {
		t.Errorf("the order of the files changes the disk (%v)", err)
	}
}

// TestStandard compares what a guest that has mounted a disk remembers of it.
func TestStandard(t *testing.T) {
	known := func(n int) (superblock, root []byte, standard bool) {
		var files []File
		for i := range n {
			files = append(files, File{Name: fmt.Sprintf("d%d/f", i), Perm: 0o644, Data: []byte("f")}, File{Name: fmt.Sprintf("%030d", i), Perm: 0o600})
		}
		var d disk
		wrote, err := Write(&d, files)
		if err != nil {
			t.Fatal(err)
		}
		nid := int(binary.LittleEndian.Uint16(d[superOffset+14:]))
		return d[:Block], d[tableBlock*Block+nid*nidUnit:][:inodeSize], wrote.Standard
	}
	super0, root0, _ := known(0)
	for n, want := range map[int]bool{0: true, 1: true, 50: true, 200: false} {
		super, root, standard := known(n)
		if standard != want || !bytes.Equal(super, super0) || bytes.Equal(root, root0) != want {
			t.Errorf("%d folders: standard %v, want %v; the same root directory: %v", n, standard, want, bytes.Equal(root, root0))
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []File
		text  string
	}{
		{"absolute", []File{{Name: "/a"}}, "clean relative"},
		{"outside", []File{{Name: "../a"}}, "clean relative"},
		{"twice", []File{{Name: "a"}, {Name: "a"}}, "twice"},
		{"under a file", []File{{Name: "a"}, {Name: "a/b"}}, "no directory"},
		{"long", []File{{Name: strings.Repeat("n", MaxName+1)}}, "longer"},
		{"long target", []File{{Name: "l", Target: strings.Repeat("n", Block)}}, "target"},
		{"no source", []File{{Name: "a", Source: "/nonexistent/file"}}, "no such file"},
		{"device", []File{{Name: "a", Source: os.DevNull}}, "no regular file"},
	} {
		var d disk
		if _, err := Write(&d, tt.files); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.text)
		}
	}
}

func BenchmarkWrite13MB(b *testing.B) {
	dir := b.TempDir()
	source := filepath.Join(dir, "source")
	if err := os.WriteFile(source, make([]byte, 13<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := os.Create(filepath.Join(dir, "disk"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Write(f, []File{{Name: "host", Perm: 0o755, Source: source}}); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
