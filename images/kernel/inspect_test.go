package kernel

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pierrec/lz4/v4"
)

const configText = "#\n# Linux/x86 6.1.0 Kernel Configuration\n#\nCONFIG_VIRTIO_BLK=m\nCONFIG_HZ=1000\nCONFIG_LOCALVERSION=\"-x\"\n# CONFIG_PREEMPT is not set\n"

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// body is an unpacked kernel: a banner, and a configuration if there is one.
func body(t testing.TB, config string) []byte {
	b := []byte("\x00Linux version 6.1.0-x (builder) #1\n\x00")
	if config != "" {
		b = append(append(append(b, "IKCFG_ST"...), gzipped(t, []byte(config))...), "IKCFG_ED"...)
	}
	return append(b, bytes.Repeat([]byte("kernel code "), 1<<17)...)
}

// zImage is a decompressor, then the packed kernel and its size, as arch/arm/boot/compressed links them.
func zImage(packed []byte) []byte {
	head := make([]byte, 0x1000)
	binary.LittleEndian.PutUint32(head[0x24:], 0x016f2818)
	copy(head[0x200:], "\x1f\x8b\x08 this is no stream")
	return append(append(head, packed...), 0, 0, 1, 0)
}

func bzImage(packed []byte, release string) []byte {
	raw := make([]byte, 5*512)
	copy(raw[0x202:], "HdrS")
	raw[0x1f1] = 4
	le := binary.LittleEndian
	le.PutUint16(raw[0x206:], 0x20f)
	le.PutUint16(raw[0x20e:], 0x300)
	copy(raw[0x500:], release+" (builder) #1\x00")
	le.PutUint32(raw[0x248:], 0)
	le.PutUint32(raw[0x24c:], uint32(len(packed)))
	return append(raw, packed...)
}

func legacyLZ4(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := lz4.NewWriter(&b)
	err := w.Apply(lz4.LegacyOption(true))
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), 0, 0, 16, 0)
}

func TestInspect(t *testing.T) {
	config := map[string]string{"VIRTIO_BLK": "m", "HZ": "1000", "LOCALVERSION": "-x", "PREEMPT": "n"}
	for name, c := range map[string]struct {
		image  []byte
		beside string
		want   Report
	}{
		"zImage with a configuration": {zImage(gzipped(t, body(t, configText))), "CONFIG_OTHER=y\n", Report{"zImage", "6.1.0-x", config, "image", ""}},
		"bzImage in lz4":              {bzImage(legacyLZ4(t, body(t, configText)), "6.1.0-x"), "", Report{"bzImage", "6.1.0-x", config, "image", ""}},
		"configuration beside it":     {zImage(gzipped(t, body(t, ""))), configText, Report{"zImage", "6.1.0-x", config, "file", "config-6.1.0-x"}},
		"no configuration":            {zImage(gzipped(t, body(t, ""))), "", Report{Format: "zImage", Release: "6.1.0-x"}},
		"packed strangely":            {zImage([]byte("????")), "", Report{Format: "zImage"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "vmlinuz"), c.image)
			if c.beside != "" {
				write(t, filepath.Join(dir, "config-6.1.0-x"), []byte(c.beside))
			}
			got, err := Inspect(filepath.Join(dir, "vmlinuz"), "")
			if err != nil {
				t.Fatal(err)
			}
			if got.ConfigFile != "" {
				got.ConfigFile = filepath.Base(got.ConfigFile)
			}
			if d := cmp.Diff(&c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for name, image := range map[string][]byte{"text": []byte("text"), "cut off": bzImage([]byte("x"), "6")[:2000]} {
		file := filepath.Join(t.TempDir(), "vmlinuz")
		write(t, file, image)
		if _, err := Inspect(file, ""); err == nil || name == "text" && !errors.Is(err, ErrNotKernel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNeedsAndTuning(t *testing.T) {
	config, err := ParseConfig([]byte(configText))
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for _, n := range Needs("amd64", config) {
		met[n.Option] = n.Met
		if n.Option == "VIRTIO_MMIO" {
			t.Error("amd64 does not need VIRTIO_MMIO")
		}
	}
	if !met["VIRTIO_BLK"] || met["EROFS_FS"] {
		t.Errorf("met: %v", met)
	}
	for _, n := range Needs("arm", nil) {
		if n.State != "unknown" || n.Met {
			t.Errorf("%+v without a configuration", n)
		}
	}
	states := map[string]string{}
	for _, a := range Tuning(config) {
		states[a.Option] = a.State
		if a.Option == "HZ" && !strings.Contains(a.Here, "costs less") {
			t.Errorf("%+v", a)
		}
	}
	if states["OPTIMIZE_FOR_PERFORMANCE"] != "none" || states["HZ"] != "1000" || states["PREEMPT"] != "n" {
		t.Errorf("states: %v", states)
	}
	for _, bad := range []string{"", "hello\n", "CONFIG_=y\n", "FOO=y\n"} {
		if _, err := ParseConfig([]byte(bad)); err == nil {
			t.Errorf("%q is a configuration", bad)
		}
	}
}

func TestOpenFile(t *testing.T) {
	dir := laid(t)
	write(t, filepath.Join(dir, "vmlinuz"), zImage(gzipped(t, body(t, "CONFIG_EROFS_FS=y\nCONFIG_VIRTIO_PCI=m\n"))))
	modules := t.TempDir()
	write(t, filepath.Join(modules, "kernel/virtio_pci.ko"), object("vermagic=6.1.0-x SMP", "depends="))
	k, err := OpenFile(filepath.Join(dir, "vmlinuz"), modules)
	if err != nil || k.Release != "6.1.0-x" {
		t.Fatalf("%+v %v", k, err)
	}
	if list, err := k.Modules("virtio_pci", "erofs"); err != nil || len(list) != 1 {
		t.Errorf("erofs is built in: %v %v", list, err)
	}
	write(t, filepath.Join(modules, "kernel/a.ko"), object("vermagic=5.10.0 SMP", "depends="))
	if _, err := OpenFile(filepath.Join(dir, "vmlinuz"), modules); err == nil {
		t.Error("modules of another kernel were taken")
	}
	if k, err := OpenFile(filepath.Join(dir, "vmlinuz"), ""); err != nil || k.Release != "6.1.0-x" {
		t.Errorf("%+v %v", k, err)
	}
}

func FuzzInspect(f *testing.F) {
	small := append([]byte("\x00Linux version 6.1 (x)\x00IKCFG_ST"), gzipped(f, []byte(configText))...)
	f.Add(zImage(gzipped(f, small)))
	f.Add(bzImage(small, "6.1"))
	f.Add([]byte(configText))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		if r, err := inspect(data); err == nil {
			Needs("amd64", r.Config)
			Tuning(r.Config)
		}
		ikconfig(data)
		ParseConfig(data)
	})
}

// TestInspectIsBounded: each magic of a compression is followed, but not a million of them, and no pipe is waited for.
func TestInspectIsBounded(t *testing.T) {
	head := make([]byte, 1024)
	binary.LittleEndian.PutUint32(head[0x24:], 0x016f2818)
	for _, magic := range []string{"\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "\x02\x21\x4c\x18", "BZh91AY&SY"} {
		name := filepath.Join(t.TempDir(), "zImage")
		if err := os.WriteFile(name, append(bytes.Clone(head), bytes.Repeat([]byte(magic), 1<<20)...), 0o644); err != nil {
			t.Fatal(err)
		}
		start := used(t)
		if _, err := Inspect(name, ""); err != nil {
			t.Error(err)
		}
		if d := used(t) - start; d > 20*time.Second {
			t.Errorf("%q: %v of CPU", magic, d)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(pipe, ""); err == nil {
		t.Error("a pipe is a kernel")
	}
}

// used is this process's CPU time so far.
func used(t *testing.T) time.Duration {
	t.Helper()
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
