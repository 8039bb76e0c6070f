package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// object is an ELF file with nothing but a .modinfo section.
func object(pairs ...string) []byte {
	info := strings.Join(pairs, "\x00") + "\x00"
	names := "\x00.modinfo\x00.shstrtab\x00"
	const head, entry = 64, 64
	var b bytes.Buffer
	le := func(v any) { binary.Write(&b, binary.LittleEndian, v) }
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	le([]uint16{1, 62})
	le(uint32(1))
	le([]uint64{0, 0, uint64(head + len(info) + len(names))})
	le(uint32(0))
	le([]uint16{head, 0, 0, entry, 3, 2})
	b.WriteString(info + names)
	section := func(name, kind uint32, off, size int) {
		le([]uint32{name, kind})
		le([]uint64{0, 0, uint64(off), uint64(size)})
		le([]uint32{0, 0})
		le([]uint64{1, 0})
	}
	section(0, 0, 0, 0)
	section(1, 1, head, len(info))
	section(10, 3, head+len(info), len(names))
	return b.Bytes()
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func packXZ(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packZstd(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// laid is a folder as scripts/deps lays it out.
func laid(t *testing.T) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "release"), []byte("6.1.0-test\n"))
	write(t, filepath.Join(dir, "vmlinuz"), []byte("kernel"))
	write(t, filepath.Join(dir, "modules/modules.builtin"), []byte("kernel/drivers/virtio/virtio.ko\n"))
	write(t, filepath.Join(dir, "modules/kernel/virtio-pci.ko"), object("depends=virtio,virtio_ring", "license=GPL"))
	write(t, filepath.Join(dir, "modules/kernel/virtio_ring.ko.xz"), packXZ(t, object("depends=")))
	write(t, filepath.Join(dir, "modules/kernel/erofs.ko.zst"), packZstd(t, object("depends=libcrc32c")))
	write(t, filepath.Join(dir, "modules/kernel/libcrc32c.ko"), object("softdep=pre: crc32c nowhere", "depends="))
	write(t, filepath.Join(dir, "modules/kernel/crc32c_generic.ko"), object("depends="))
	write(t, filepath.Join(dir, "modules/kernel/a.ko"), object("depends=b"))
	write(t, filepath.Join(dir, "modules/kernel/b.ko"), object("depends=a"))
	write(t, filepath.Join(dir, "modules/kernel/lost.ko"), object("depends=missing"))
	write(t, filepath.Join(dir, "modules/kernel/text.ko"), []byte("no ELF"))
	write(t, filepath.Join(dir, "modules/kernel/damaged.ko.xz"), []byte("\xfd7zXZ\x00 and no more"))
	return dir
}

func TestModulesInOrder(t *testing.T) {
	k, err := Open(laid(t))
	if err != nil {
		t.Fatal(err)
	}
	if k.Release != "6.1.0-test" {
		t.Errorf("release %q", k.Release)
	}
	for _, tt := range []struct{ ask, want []string }{
		{[]string{"virtio_pci", "erofs"}, []string{"virtio_ring", "virtio_pci", "crc32c_generic", "libcrc32c", "erofs"}},
		{[]string{"erofs", "virtio-pci", "erofs"}, []string{"crc32c_generic", "libcrc32c", "erofs", "virtio_ring", "virtio_pci"}},
		{[]string{"virtio"}, nil},
		{[]string{"a"}, []string{"b", "a"}},
	} {
		list, err := k.Modules(tt.ask...)
		if err != nil {
			t.Errorf("%v: %v", tt.ask, err)
		}
		var got []string
		for _, m := range list {
			got = append(got, m.Name)
			if !bytes.HasPrefix(m.Data, []byte("\x7fELF")) {
				t.Errorf("%s is not unpacked", m.Name)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.ask, diff)
		}
	}
	for _, name := range []string{"missing", "lost", "text", "damaged"} {
		if _, err := k.Modules(name); err == nil {
			t.Errorf("module %q was found", name)
		}
	}
}

func TestFindTakesTheLast(t *testing.T) {
	root := t.TempDir()
	for _, rel := range []string{"6.1.0-10-x", "6.1.0-11-x"} {
		write(t, filepath.Join(root, "boot/vmlinuz-"+rel), []byte("kernel"))
		write(t, filepath.Join(root, "lib/modules", rel, "kernel/m.ko"), object("depends="))
	}
	for ask, want := range map[string]string{"": "6.1.0-11-x", "6.1.0-10-x": "6.1.0-10-x"} {
		k, err := Find(root, ask)
		if err != nil || k.Release != want {
			t.Errorf("Find(%q) = %v, %v; want %s", ask, k, err, want)
		}
	}
	if _, err := Find(root, "5.10"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find(5.10): %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open of an empty folder: %v", err)
	}
}

func FuzzModinfo(f *testing.F) {
	f.Add(object("depends=a,b", "softdep=pre: c post: d"))
	f.Add(object())
	f.Add(object("depends=")[:100])
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) { modinfo(data) })
}
