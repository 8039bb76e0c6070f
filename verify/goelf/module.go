package goelf

import (
	"errors"
	"fmt"
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
