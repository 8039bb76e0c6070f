package goelf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// ErrNoPlugin is returned by Plugin for a file without the slice of package fingerprints that -buildmode=plugin writes.
var ErrNoPlugin = errors.New("no package fingerprints of a Go plugin")

// Prefixes of the linker's symbols (cmd/link/internal/ld/symtab.go). Up to Go 1.19 they began with "go.link.".
const (
	pkgHashPrefix      = "go:link.pkghash."
	pkgHashBytesPrefix = "go:link.pkghashbytes."
)

// Module is what Go's linker wrote into a plugin for plugin.Open.
type Module struct {
	Path     string    // pluginpath
	Packages []Package // in the order in which the runtime compares them
	Start    uint64    // address of the module data, 0 when its first field was not found
	Field    uint64    // address of its field pkghashes
	Array    uint64    // address of the slice's elements
	PathAddr uint64    // address of the plugin path
	pclntab  uint64    // address of the pcHeader, 0 when it was not found
	types    uint64    // address of the type descriptors, 0 when it was not found
	exports  uint64    // address of the table of exported symbols, 0 when it was not found
}

// Package is the fingerprint of a package: the first 8 bytes of the SHA-256 of its export data.
type Package struct {
	Name string
	Hash string // the 8 raw bytes

	NameAddr, HashAddr uint64 // where they lie in a plugin, 0 if unknown
}

// modulehash is five words long (runtime/symtab.go): name, linktimehash, runtimehash.
const modulehashWords = 5

// maxFields bounds the words that are tried as moduledata.pkghashes: there is one.
const maxFields = 8

// maxPackages bounds the packages of one plugin.
const maxPackages = 1 << 17

// Plugin reads the package fingerprints in the runtime's order. It needs only the dynamic tables, so it reads stripped files too:
// the linker emits one relocation against go:link.pkghash.P per element; name and hash lie before it, behind RELATIVE relocations.
// The error wraps ErrNoPlugin when there are none.
func (f *File) Plugin() (*Module, error) {
	f.modOnce.Do(func() { f.mod, f.modErr = f.readModule() })
	return f.mod, f.modErr
}

func (f *File) readModule() (*Module, error) {
	if _, known := relativeTypes[f.Machine]; !known {
		return nil, fmt.Errorf("reading package fingerprints: machine %v is not supported", f.Machine)
	}
	slots, ptrs, err := f.pkgHashSlots()
	if err != nil {
		return nil, fmt.Errorf("reading package fingerprints: %w", err)
	}
	if len(slots) == 0 {
		return nil, ErrNoPlugin
	}
	w := uint64(f.PtrSize())
	if slots[0] < 4*w {
		return nil, fmt.Errorf("reading package fingerprints: the first is at address %#x", slots[0])
	}
	start := slots[0] - 4*w
	n := 1
	for n < len(slots) && slots[n] == slots[n-1]+modulehashWords*w {
		n++
	}
	m := &Module{Array: start}
	if n, err = f.findModuledata(m, ptrs, start, n); err != nil {
		return nil, err
	}
	f.findStart(m, ptrs)
	if m.Start != 0 {
		m.types, _ = ptrs.at(m.Start + typesWord*w)
		m.exports, _ = ptrs.at(m.Field - ptabBefore*w)
	}
	m.Packages, err = f.readPackages(ptrs, start, n)
	return m, err
}

// pointers are the RELATIVE relocations of a file, sorted by slot.
type pointers []pointer

type pointer struct{ slot, to uint64 }

func (p pointers) at(slot uint64) (to uint64, ok bool) {
	i := sort.Search(len(p), func(i int) bool { return p[i].slot >= slot })
	if i < len(p) && p[i].slot == slot {
		return p[i].to, true
	}
	return 0, false
}

// pkgHashSlots returns the sorted addresses of the slots that are relocated against go:link.pkghash.P, and where all words point
// that are relocated by the load address. Addends in slots that the file does not hold are left out.
func (f *File) pkgHashSlots() ([]uint64, pointers, error) {
	var slots []uint64
	ptrs := make(pointers, 0, f.RelocRoom())
	seen := map[uint32]bool{} // symbols whose name was looked at
	last, is := uint32(0), false
	for r, err := range f.Relocs() {
		if err != nil {
			return nil, nil, err
		}
		if f.Relative(r) {
			if a, err := f.AddendOf(r); err == nil {
				ptrs = append(ptrs, pointer{r.Off, f.address(a)})
			}
			continue
		}
		if r.Sym == 0 || r.Table == JmpRel {
			continue
		}
		if r.Sym != last { // linkers sort by symbol
			var known bool
			if is, known = seen[r.Sym]; !known {
				_, at, err := f.dynSymbol(r.Sym)
				if err != nil {
					return nil, nil, err
				}
				is = f.dynHasPrefix(uint64(at), pkgHashPrefix)
				seen[r.Sym] = is
			}
			last = r.Sym
		}
		if is {
			if slots = append(slots, r.Off); len(slots) > maxPackages {
				return nil, nil, fmt.Errorf("more than %d of them", maxPackages)
			}
		}
	}
	slices.Sort(slots)
	bySlot := func(a, b pointer) int { return cmp.Compare(a.slot, b.slot) }
	if !slices.IsSortedFunc(ptrs, bySlot) {
		slices.SortStableFunc(ptrs, bySlot)
	}
	return slots, ptrs, nil
}

func (f *File) dynHasPrefix(at uint64, prefix string) bool {
	t := f.tables()
	n := uint64(len(prefix))
	if at >= t.strLen || n > t.strLen-at || t.strOff+at > uint64(f.in.size) || n > uint64(f.in.size)-(t.strOff+at) {
		return false
	}
	var buf [64]byte
	b := buf[:n]
	return f.in.copied(b, int64(t.strOff+at)) == nil && string(b) == prefix
}

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
		if pathLen == 0 { // the runtime throws: "plugin has empty pluginpath"
			m.Field = q
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

// relativesIn collects the targets of the RELATIVE relocations whose slots lie in [lo, hi).
func (f *File) relativesIn(lo, hi uint64) (map[uint64]uint64, error) {
	out := map[uint64]uint64{}
	for r, err := range f.Relocs() {
		if err != nil {
			return nil, err
		}
		if r.Off < lo || r.Off >= hi || !f.Relative(r) {
			continue
		}
		a, err := f.AddendOf(r)
		if err != nil {
			return nil, err
		}
		out[r.Off] = f.address(a)
	}
	return out, nil
}

func (f *File) address(a int64) uint64 {
	if f.PtrSize() == 4 {
		return uint64(uint32(a))
	}
	return uint64(a)
}

func (f *File) readPackages(ptrs pointers, start uint64, n int) ([]Package, error) {
	w := uint64(f.PtrSize())
	out := make([]Package, 0, n)
	total := 0
	for i := range uint64(n) {
		at := start + i*modulehashWords*w
		b, err := f.ReadAddr(at, 4*w)
		if err != nil {
			return nil, fmt.Errorf("reading package fingerprint %d: %w", i, err)
		}
		nameAt, _ := ptrs.at(at)
		name, err := f.stringAt(nameAt, f.Word(b[w:]))
		if err != nil {
			return nil, fmt.Errorf("reading the name of package fingerprint %d: %w", i, err)
		}
		hashAt, _ := ptrs.at(at + 2*w)
		hash, err := f.stringAt(hashAt, f.Word(b[3*w:]))
		if err != nil {
			return nil, fmt.Errorf("reading the fingerprint of %q: %w", name, err)
		}
		if total += len(name) + len(hash); total > maxNames {
			return nil, fmt.Errorf("reading package fingerprints: %w", errNames)
		}
		out = append(out, Package{name, hash, nameAt, hashAt})
	}
	return out, nil
}

func (f *File) stringAt(addr, n uint64) (string, error) {
	if n > maxDynString {
		return "", fmt.Errorf("a string of %d bytes", n)
	}
	b, err := f.ReadAddr(addr, n)
	return string(b), err
}

// PackageHash is the fingerprint that this file defines for a package (the 8 raw bytes behind go:link.pkghashbytes.P); ok is false when it defines none.
func (f *File) PackageHash(pkg string) (hash string, ok bool, err error) {
	s, ok, err := f.LookupDyn(pkgHashBytesPrefix+pkg, Symbol.Defined)
	if err != nil || !ok {
		return "", false, err
	}
	b, err := f.ReadAddr(s.Value, 8)
	if err != nil {
		return "", false, fmt.Errorf("reading the fingerprint of %q: %w", pkg, err)
	}
	return string(b), true, nil
}

// PackageHashes returns every fingerprint that the file defines, sorted by package.
func (f *File) PackageHashes() ([]Package, error) {
	var out []Package
	n, err := f.DynSymbolCount()
	if err != nil {
		return nil, fmt.Errorf("reading package fingerprints: %w", err)
	}
	for i := uint32(1); i < n; i++ {
		s, at, err := f.dynSymbol(i)
		if err != nil {
			return nil, fmt.Errorf("reading package fingerprints: %w", err)
		}
		if !s.Defined() || !f.dynHasPrefix(uint64(at), pkgHashBytesPrefix) {
			continue
		}
		name, err := f.dynString(uint64(at))
		if err != nil {
			return nil, fmt.Errorf("reading package fingerprints: %w", err)
		}
		b, err := f.ReadAddr(s.Value, 8)
		if err != nil {
			return nil, fmt.Errorf("reading the fingerprint of %q: %w", name, err)
		}
		if len(out) == maxPackages {
			return nil, fmt.Errorf("reading package fingerprints: more than %d of them", len(out))
		}
		out = append(out, Package{Name: name[len(pkgHashBytesPrefix):], Hash: string(b), HashAddr: s.Value})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
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
