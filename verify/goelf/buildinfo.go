package goelf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrNoBuildInfo is returned by BuildInfo for files that the Go linker did not make.
var ErrNoBuildInfo = errors.New("no Go build information")

const (
	buildInfoMagic = "\xff Go buildinf:"
	buildInfoAlign = 16
	buildInfoSize  = 32
	maxBuildInfo   = 4 << 20  // bytes of one string; real ones have some ten thousand
	maxInfoScan    = 32 << 20 // bytes of writable segments that are searched when there are no sections
)

// BuildInfo reads what `go version -m` shows. It reads the inlined form that Go 1.18 and later write.
func (f *File) BuildInfo() (*debug.BuildInfo, error) {
	off, err := f.buildInfoOffset()
	if err != nil {
		return nil, err
	}
	h, err := f.readOffset(off, buildInfoSize)
	if err != nil {
		return nil, fmt.Errorf("reading build information: %w", err)
	}
	if h[15]&2 == 0 {
		return nil, fmt.Errorf("reading build information: %w in the form of Go 1.18 and later", ErrNoBuildInfo)
	}
	at := off + buildInfoSize
	version, at, err := f.varString(at)
	if err != nil {
		return nil, fmt.Errorf("reading build information: %w", err)
	}
	mod, _, err := f.varString(at)
	if err != nil {
		return nil, fmt.Errorf("reading build information: %w", err)
	}
	// The linker puts 16 bytes before and after the module information.
	if len(mod) >= 33 && mod[len(mod)-17] == '\n' {
		mod = mod[16 : len(mod)-16]
	} else {
		mod = ""
	}
	bi, err := debug.ParseBuildInfo(mod)
	if err != nil {
		return nil, fmt.Errorf("reading build information: %w", err)
	}
	bi.GoVersion = version
	return bi, nil
}

func (f *File) varString(at uint64) (string, uint64, error) {
	size := uint64(max(f.in.size, 0))
	b, err := f.readOffset(at, min(binary.MaxVarintLen64, size-min(at, size)))
	if err != nil {
		return "", 0, err
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > maxBuildInfo {
		return "", 0, fmt.Errorf("a string of %d bytes at offset %#x", n, at)
	}
	b, err = f.readOffset(at+uint64(w), n)
	return string(b), at + uint64(w) + n, err
}

// buildInfoOffset finds the blob in its section, else by its magic number in the writable segments, as debug/buildinfo does.
func (f *File) buildInfoOffset() (uint64, error) {
	if s := f.Section(".go.buildinfo"); s != nil && s.Size >= buildInfoSize {
		if b, err := f.readOffset(s.Off, uint64(len(buildInfoMagic))); err == nil && string(b) == buildInfoMagic {
			return s.Off, nil
		}
	}
	for _, s := range f.Segments {
		if s.Type != elf.PT_LOAD || s.Flags&elf.PF_W == 0 {
			continue
		}
		end := min(s.FileSz, maxInfoScan)
		for at := uint64(0); at < end; at += pageSize {
			b, err := f.readOffset(s.Off+at, min(pageSize+buildInfoAlign, s.FileSz-at))
			if err != nil {
				break
			}
			for i := 0; ; i += buildInfoAlign {
				j := bytes.Index(b[min(i, len(b)):], []byte(buildInfoMagic))
				if j < 0 {
					break
				}
				if i += j; (s.Off+at+uint64(i))%buildInfoAlign == 0 {
					return s.Off + at + uint64(i), nil
				}
				i -= i % buildInfoAlign
			}
		}
	}
	return 0, ErrNoBuildInfo
}

// GoVersion is the version of the Go toolchain that linked the file: from the build information, else from the variable runtime.buildVersion
// (plugins of Go 1.20 have no build information). "" when neither is there.
func (f *File) GoVersion() string {
	if bi, err := f.BuildInfo(); err == nil {
		return bi.GoVersion
	}
	s, ok, err := f.LookupDyn("runtime.buildVersion", Symbol.Defined)
	w := uint64(f.PtrSize())
	if err != nil || !ok {
		return ""
	}
	b, err := f.ReadAddr(s.Value, 2*w)
	if err != nil {
		return ""
	}
	at, n := f.Word(b), f.Word(b[w:])
	if ptrs, err := f.relativesIn(s.Value, s.Value+w); err == nil && ptrs[s.Value] != 0 {
		at = ptrs[s.Value]
	}
	v, err := f.stringAt(at, min(n, 256))
	if err != nil {
		return ""
	}
	return v
}
