package kernel

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
	bcj "github.com/xi2/xz"
)

// Report is what a kernel's image says of itself.
type Report struct {
	Format     string            // "bzImage", "zImage", "vmlinux" or "Image"
	Release    string            // "" if it does not say
	Config     map[string]string // option without CONFIG_ -> y, m, a number or a text; nil if unknown
	ConfigFrom string            // "image" (CONFIG_IKCONFIG), "file", or "" if there is none
	ConfigFile string            // for "file"
}

// The most that is read of an image and of a configuration, and what an image may unpack to, in bytes.
const (
	maxImage    = 128 << 20
	maxConfig   = 4 << 20
	maxUnpacked = 512 << 20
)

// ErrNotKernel is wrapped by what Inspect says of a file that is no kernel's image.
var ErrNotKernel = errors.New("no kernel image")

// Inspect reads a kernel's image and its configuration: the one inside the image if it has one, else the file config, else
// config-RELEASE or config beside the image.
func Inspect(image, config string) (*Report, error) {
	raw, err := readLimited(image, maxImage)
	if err != nil {
		return nil, fmt.Errorf("inspecting kernel: %w", err)
	}
	r, err := inspect(raw)
	if err != nil {
		return nil, fmt.Errorf("inspecting kernel %q: %w", image, err)
	}
	if r.Config != nil {
		return r, nil
	}
	files := []string{config}
	if config == "" {
		files = []string{filepath.Join(filepath.Dir(image), "config-"+r.Release), filepath.Join(filepath.Dir(image), "config")}
	}
	for _, file := range files {
		text, err := readLimited(file, maxConfig)
		if errors.Is(err, fs.ErrNotExist) && config == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("inspecting kernel: %w", err)
		}
		if r.Config, err = ParseConfig(text); err != nil {
			return nil, fmt.Errorf("inspecting kernel: %q: %w", file, err)
		}
		r.ConfigFrom, r.ConfigFile = "file", file
		break
	}
	return r, nil
}

// IsImage says that a file that begins with these bytes (at least 1024) is a kernel's image.
func IsImage(head []byte) bool { return format(head) != "" }

// format knows an image by the headers of Documentation/arch/x86/boot.rst and Documentation/arch/arm/booting.rst.
func format(raw []byte) string {
	le := binary.LittleEndian
	switch {
	case len(raw) > 0x260 && string(raw[0x202:0x206]) == "HdrS":
		return "bzImage"
	case len(raw) > 0x30 && le.Uint32(raw[0x24:]) == 0x016f2818:
		return "zImage"
	case len(raw) > 0x40 && string(raw[0x38:0x3c]) == "ARMd":
		return "Image"
	case bytes.HasPrefix(raw, []byte("\x7fELF")) && bytes.Contains(raw[:min(len(raw), 1<<20)], []byte("Linux")):
		return "vmlinux"
	}
	return ""
}

// inspect reads an image in memory.
func inspect(raw []byte) (*Report, error) {
	r := &Report{Format: format(raw)}
	if r.Format == "" {
		return nil, ErrNotKernel
	}
	body := raw
	switch r.Format {
	case "bzImage":
		var err error
		if body, err = bzImagePayload(raw, r); err != nil {
			return nil, err
		}
		body = unpackFirst(body)
	case "zImage":
		body = unpackFirst(raw)
	}
	if body == nil {
		return r, nil // packed in a way that is not known: nothing more can be said
	}
	if m := banner.FindSubmatch(body); m != nil && r.Release == "" {
		r.Release = string(m[1])
	}
	text, err := ikconfig(body)
	if err != nil {
		return nil, err
	}
	if text != nil {
		if r.Config, err = ParseConfig(text); err != nil {
			return nil, err
		}
		r.ConfigFrom = "image"
	}
	return r, nil
}

// banner is linux_banner (init/version.c).
var banner = regexp.MustCompile(`Linux version ([0-9][^ \x00\n%]{0,200}) \(`)

// bzImagePayload finds the compressed kernel and the release in an x86 image, by the fields setup_sects, kernel_version,
// payload_offset and payload_length of the boot protocol (2.08 and later).
func bzImagePayload(raw []byte, r *Report) ([]byte, error) {
	le := binary.LittleEndian
	sectors := int(raw[0x1f1])
	if sectors == 0 {
		sectors = 4
	}
	if v := int(le.Uint16(raw[0x20e:])); v != 0 && v+0x200 < len(raw) {
		text := raw[v+0x200 : min(len(raw), v+0x200+128)]
		if end := bytes.IndexAny(text, " \x00"); end > 0 {
			r.Release = string(text[:end])
		}
	}
	if le.Uint16(raw[0x206:]) < 0x208 {
		return nil, fmt.Errorf("boot protocol %#x is older than 2.08", le.Uint16(raw[0x206:]))
	}
	start := int64(sectors+1)*512 + int64(le.Uint32(raw[0x248:]))
	size := int64(le.Uint32(raw[0x24c:]))
	if start > int64(len(raw)) || size > int64(len(raw))-start {
		return nil, fmt.Errorf("the compressed kernel ends behind the file")
	}
	return raw[start : start+size], nil
}

// unpackers are the compressions of a kernel (init/Kconfig, KERNEL_GZIP and its like) by their magics, but LZO.
var unpackers = []struct {
	magic string
	open  func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b\x08", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) {
		z, err := bcj.NewReader(r, 64<<20) // with the filters for machine code, which ulikunitz/xz does not know
		if err == nil {
			z.Multistream(false)
		}
		return z, err
	}},
	{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{"\x02\x21\x4c\x18", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	{"BZh9", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"\x5d\x00\x00\x00\x04\xff\xff\xff\xff\xff\xff\xff\xff", func(r io.Reader) (io.Reader, error) { return lzma.NewReader(r) }},
}

// maxAttempts is how often the magic of one compression is followed in vain.
const maxAttempts = 16

// unpackFirst unpacks what begins with the first magic that leads to at least a MiB, for a zImage's own code may hold such
// bytes too. nil means that nothing did.
func unpackFirst(raw []byte) []byte {
	for _, u := range unpackers {
		from := 0
		for range maxAttempts {
			at := bytes.Index(raw[from:], []byte(u.magic))
			if at < 0 {
				break
			}
			from += at
			if r, err := u.open(bytes.NewReader(raw[from:])); err == nil {
				// Behind the stream lies more, its size and the device tree, so that an error at the end is usual.
				out, _ := io.ReadAll(io.LimitReader(r, maxUnpacked))
				if c, ok := r.(io.Closer); ok {
					c.Close()
				}
				if len(out) >= 1<<20 {
					return out
				}
			}
			from++
		}
	}
	return nil
}

// ikconfig finds the configuration between its markers (kernel/configs.c); nil means that the kernel has none.
func ikconfig(body []byte) ([]byte, error) {
	at := bytes.Index(body, []byte("IKCFG_ST"))
	if at < 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body[at+8:]))
	if err != nil {
		return nil, nil // the words alone, as a program that looks for them has them too
	}
	z.Multistream(false)
	text, err := io.ReadAll(io.LimitReader(z, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("the configuration inside is damaged: %w", err)
	}
	if len(text) > maxConfig {
		return nil, fmt.Errorf("the configuration inside has more than %d bytes", maxConfig)
	}
	return text, nil
}
