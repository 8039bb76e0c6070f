package abi

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/plugproof/plugproof/verify/goelf"
)

// object is a file in the process: the host, a library, or a plugin.
type object struct {
	name     string // as the loader names it in its messages
	short    string // the name under which a library was searched
	id       string
	file     *goelf.File
	info     *debug.BuildInfo // nil for files without
	version  string           // of the Go toolchain, "" for files that Go did not make
	neededBy *object
	runtime  bool            // loaded by dlopen, not when the process started
	libc     bool            // the C library itself
	missing  bool            // wanted at the start and not found: what it defines is unknown
	failed   bool            // a plugin that plugin.Open refused; its symbols stay
	counters map[string]bool // by what begins their symbols: packages that have coverage counters, read once
	lock     *Lock           // of a host that is one
	neededGo *object         // of a plugin that was mapped as a library: the one that needs it
	mem      *memory         // of a plugin: what lies where
	textRel  bool            // while it is relocated, all of it can be written
	doubt    string          // why nobody knows whether it works, though nothing is seen to fail
	path     string          // as the user named it

	fileNames []string
	filesRead bool
}

func newObject(name, path string, r io.ReaderAt, size int64) (*object, error) {
	f, err := goelf.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return describe(name, path, f), nil
}

func describe(name, path string, f *goelf.File) *object {
	o := &object{name: name, path: path, file: f}
	if info, err := f.BuildInfo(); err == nil {
		o.info, o.version = info, info.GoVersion
	} else {
		o.version = f.GoVersion()
	}
	return o
}

func (o *object) setting(key string) string {
	if o.info == nil {
		return ""
	}
	for _, s := range o.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// mapped is a file as the loader maps it: whole pages, the bytes after the end of a cut file zero up to the page's end.
type mapped struct {
	r    io.ReaderAt
	size int64
}

func (m mapped) ReadAt(b []byte, off int64) (int, error) {
	if off >= m.size {
		clear(b)
		return len(b), nil
	}
	n := int64(len(b))
	if off+n > m.size {
		clear(b[m.size-off:])
		n = m.size - off
	}
	if k, err := m.r.ReadAt(b[:n], off); int64(k) < n {
		return k, err
	}
	return len(b), nil
}

// cut says what became of the loaded part of a truncated file.
type cut int

const (
	whole    cut = iota
	tailZero     // the rest of the last page reads as zero
	pageLost     // a whole page is gone: touching it is SIGBUS
)

// mapFile looks for PT_LOAD contents beyond the end of the file, and returns the file as it will lie in memory.
func mapFile(f *goelf.File, r io.ReaderAt, size int64, page uint64) (io.ReaderAt, int64, cut) {
	end := uint64(size)
	state := whole
	top := end
	for _, s := range f.Segments {
		if s.Type != elf.PT_LOAD || s.FileSz == 0 {
			continue
		}
		last := s.Off + s.FileSz
		switch {
		case last < s.Off || last > (end+page-1)/page*page:
			return r, size, pageLost
		case last > end:
			state = tailZero
			top = max(top, last)
		}
	}
	if state == whole {
		return r, size, whole
	}
	return mapped{r, size}, int64(top), state
}

// staticLibc tells the C library of a static host by texts that only its dlopen holds.
func staticLibc(f *goelf.File) string {
	const chunk = 256 << 10
	musl, glibc := []byte("Dynamic loading not supported"), []byte("/etc/ld.so.cache")
	for _, s := range f.Segments {
		if s.Type != elf.PT_LOAD || s.Flags&elf.PF_W != 0 {
			continue
		}
		for at := uint64(0); at < s.FileSz; at += chunk {
			b, err := f.ReadOffset(int64(s.Off+at), int(min(chunk+64, s.FileSz-at)))
			if err != nil {
				break
			}
			if bytes.Contains(b, musl) {
				return libcMusl
			}
			if bytes.Contains(b, glibc) {
				return libcGlibc
			}
		}
	}
	return ""
}

// headed is a file with another beginning: musl looks at neither magic number, class, byte order nor machine, and takes each file for one of its own kind.
type headed struct {
	io.ReaderAt
	head []byte
}

func (h headed) ReadAt(b []byte, off int64) (int, error) {
	n, err := h.ReaderAt.ReadAt(b, off)
	if off < int64(len(h.head)) {
		copy(b[:n], h.head[off:])
	}
	return n, err
}

// asOwn gives a file the identification and the machine of the host's kind, if it has others. The file is longer than an ELF header.
func asOwn(r io.ReaderAt, mach *machine) (io.ReaderAt, error) {
	was := make([]byte, 20)
	if _, err := r.ReadAt(was, 0); err != nil {
		return nil, fmt.Errorf("reading ELF header: %w", err)
	}
	head := bytes.Clone(was)
	copy(head, elf.ELFMAG)
	head[elf.EI_CLASS], head[elf.EI_DATA] = byte(mach.class), byte(elf.ELFDATA2LSB)
	binary.LittleEndian.PutUint16(head[18:], uint16(mach.elf))
	if bytes.Equal(head, was) {
		return r, nil
	}
	return headed{r, head}, nil
}
