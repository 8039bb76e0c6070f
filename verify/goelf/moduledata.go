package goelf

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// findModuledata picks the field moduledata.pkghashes among the words that point at the slice: length and capacity follow it,
// the string pluginpath stands before it. It returns the slice's length.
func (f *File) findModuledata(m *Module, ptrs pointers, start uint64, n int) (int, error) {
	w := uint64(f.PtrSize())
	tried := 0
	for _, ptr := range ptrs {
		q := ptr.slot
		if ptr.to != start || q < 2*w {
			continue
		}
		if tried++; tried > maxFields {
			break
		}
		b, err := f.ReadAddr(q-2*w, 5*w)
		if err != nil {
			continue
		}
		length, capacity := f.Word(b[3*w:]), f.Word(b[4*w:])
		if length != capacity || length == 0 || length > uint64(n) {
			continue
		}
		pathLen := f.Word(b[w:])
		if pathLen == 0 { // the runtime throws: "plugin has empty pluginpath"; or another field stands between
			m.Field = q
			m.Path, m.PathAddr = f.pathBefore(ptrs, q)
			return int(length), nil
		}
		p, ok := ptrs.at(q - 2*w)
		if !ok {
			continue
		}
		if m.Path, err = f.stringAt(p, pathLen); err != nil {
			continue
		}
		m.PathAddr = p
		m.Field = q
		return int(length), nil
	}
	return n, fmt.Errorf("reading the plugin path: %w: the module data was not found", ErrNoPlugin)
}

// pathBefore looks for the plugin path where a Go of one's own has one or two words more between it and pkghashes, which is at q. In every release
// ptab's length and capacity are in the place where the pointer would be then, and those are no addresses. "" if there is none.
func (f *File) pathBefore(ptrs pointers, q uint64) (path string, at uint64) {
	w := uint64(f.PtrSize())
	for back := uint64(3); back <= 4 && q >= back*w; back++ {
		p, ok := ptrs.at(q - back*w)
		if !ok {
			continue
		}
		b, err := f.ReadAddr(q-(back-1)*w, w)
		if err != nil {
			continue
		}
		s, err := f.stringAt(p, f.Word(b))
		if err != nil || s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
			continue
		}
		return s, p
	}
	return "", 0
}

// ModuleDataSize is the size of runtime.moduledata in the file's own runtime in bytes, 0 when the file exports none. Its last word is `next`.
func (f *File) ModuleDataSize() (uint64, error) {
	s, ok, err := f.LookupDyn("runtime.firstmoduledata", Symbol.Defined)
	if err != nil || !ok {
		return 0, err
	}
	return s.Size, nil
}

// moduledataBack is how many words before pkghashes the pcHeader may stand: at most 56 in Go 1.20 to 1.27, with room.
const moduledataBack = 128

// findStart finds the module data's beginning: its first field is the nearest word before pkghashes whose target begins with a pclntab's magic number.
func (f *File) findStart(m *Module, ptrs pointers) {
	w := uint64(f.PtrSize())
	for i := uint64(1); i <= moduledataBack && i*w <= m.Field; i++ {
		if p, ok := ptrs.at(m.Field - i*w); ok {
			if b, err := f.ReadAddr(p, 8); err == nil && f.isPclntab(b) {
				m.Start, m.pclntab = m.Field-i*w, p
				return
			}
		}
	}
}

// isPclntab checks the magic number of Go 1.18 or 1.20 and the pointer size.
func (f *File) isPclntab(b []byte) bool {
	m := f.Order.Uint32(b)
	return (m == 0xfffffff1 || m == 0xfffffff0) && bytes.Equal(b[4:6], []byte{0, 0}) && int(b[7]) == f.PtrSize()
}
