package images

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/cpio"
)

func recipe() Recipe {
	return Recipe{
		Init:    []byte("init"),
		Modules: []Module{{"virtio_mmio", []byte("one")}, {"erofs", []byte("two")}},
		Note:    Note{Arch: "arm", Libc: "musl", Origin: "debian-musl", Packages: []string{"a-1_1"}},
		Root: []File{
			{Name: "bin", Target: "usr/bin"}, {Name: "lib", Target: "/usr/lib"}, {Name: "usr/bin/sh", Perm: 0o755, Data: []byte("u")},
			{Name: "usr/lib/ld-musl-armhf.so.1", Target: "libc.so"}, {Name: "usr/lib/libc.so", Perm: 0o755, Data: []byte("musl")},
			{Name: "root", Perm: 0o700, Dir: true}, {Name: "var/mail", Perm: 0o2775, Dir: true, GID: 8}, {Name: "usr/bin/su", Perm: 0o4755, Data: []byte("su")},
		},
	}
}

func TestBuild(t *testing.T) {
	img, err := Build(recipe())
	if err != nil {
		t.Fatal(err)
	}
	list, err := cpio.Read(bytes.NewReader(img.Bytes), int64(len(img.Bytes)))
	if err != nil {
		t.Fatal(err)
	}
	names, modes := []string{}, map[string]uint32{}
	for _, h := range list {
		names = append(names, h.Name)
		modes[h.Name] = h.Mode
		if h.Name == "var/mail" && h.GID != 8 {
			t.Errorf("var/mail belongs to the group %d", h.GID)
		}
	}
	want := []string{
		"bin", "dev", "dev/console", "dev/null", "init", "lib", "payload", "proc", "root", "run", "sys", "tmp", "usr", "usr/bin", "usr/bin/sh", "usr/bin/su",
		"usr/lib", "usr/lib/ld-musl-armhf.so.1", "usr/lib/libc.so", "usr/lib/plugproof", "usr/lib/plugproof/image.json", "usr/lib/plugproof/modules",
		"usr/lib/plugproof/modules/00-virtio_mmio.ko", "usr/lib/plugproof/modules/01-erofs.ko", "var", "var/mail",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	for name, mode := range map[string]uint32{"root": 0o40700, "var/mail": 0o42775, "usr/bin/su": 0o104755, "tmp": 0o41777} {
		if modes[name] != mode {
			t.Errorf("%s has the mode %o, want %o", name, modes[name], mode)
		}
	}
	note, err := ReadNote(bytes.NewReader(img.Bytes), int64(len(img.Bytes)))
	if diff := cmp.Diff(recipe().Note, note); err != nil || diff != "" {
		t.Errorf("note: %v\n%s", err, diff)
	}
}

func TestBuildIsTheSameEverywhere(t *testing.T) {
	a, err := Build(recipe())
	if err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	t.Chdir(t.TempDir())
	t.Setenv("TZ", "Asia/Kathmandu")
	b, err := Build(recipe())
	if err != nil || a.Digest != b.Digest {
		t.Errorf("digests %s and %s (%v)", a.Digest, b.Digest, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, change := range map[string]func(*Recipe){
		"no init":          func(r *Recipe) { r.Init = nil },
		"two inits":        func(r *Recipe) { r.Root = append(r.Root, File{Name: "init", Data: []byte("another")}) },
		"a name twice":     func(r *Recipe) { r.Root = append(r.Root, File{Name: "usr/bin/sh"}) },
		"a link for ever":  func(r *Recipe) { r.Root[1].Target = "lib" },
		"a link outside":   func(r *Recipe) { r.Root[1].Target = "../../lib" },
		"a file for proc":  func(r *Recipe) { r.Root = append(r.Root, File{Name: "proc", Data: []byte("p")}) },
		"a note that is":   func(r *Recipe) { r.Root = append(r.Root, File{Name: "usr/" + NoteFile, Data: []byte("{}")}) },
		"below a file":     func(r *Recipe) { r.Root = append(r.Root, File{Name: "usr/bin/sh/x", Data: []byte("x")}) },
		"an unclean name":  func(r *Recipe) { r.Root = append(r.Root, File{Name: "../x", Data: []byte("x")}) },
		"an absolute name": func(r *Recipe) { r.Root = append(r.Root, File{Name: "/x", Data: []byte("x")}) },
	} {
		r := recipe()
		change(&r)
		if _, err := Build(r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReadNote(f *testing.F) {
	img, err := Build(recipe())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(img.Bytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		ReadNote(bytes.NewReader(data), int64(len(data)))
	})
}
