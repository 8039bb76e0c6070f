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
		Arch: "arm", Init: []byte("init"), Loader: []byte("musl"), Interp: "/lib/ld-musl-armhf.so.1",
		Modules: []Module{{"virtio_mmio", []byte("one")}, {"erofs", []byte("two")}},
		Files:   []File{{Name: "bin/sh", Target: "userland"}, {Name: "bin/userland", Perm: 0o755, Data: []byte("u")}},
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
	var names []string
	for _, h := range list {
		names = append(names, h.Name)
	}
	want := []string{
		"bin", "bin/sh", "bin/userland", "dev", "dev/console", "dev/null", "etc", "etc/group", "etc/hostname", "etc/hosts", "etc/passwd",
		"init", "lib", "lib/ld-musl-armhf.so.1", "lib/libc.so", "lib/plugproof", "lib/plugproof/modules",
		"lib/plugproof/modules/00-virtio_mmio.ko", "lib/plugproof/modules/01-erofs.ko", "payload", "proc", "root", "run", "sys", "tmp",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
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
	r := recipe()
	r.Init = nil
	if _, err := Build(r); err == nil {
		t.Error("an image without init was built")
	}
	r = recipe()
	r.Files = append(r.Files, File{Name: "init", Data: []byte("another")})
	if _, err := Build(r); err == nil {
		t.Error("an image with two inits was built")
	}
}
