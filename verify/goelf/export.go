package goelf

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Export is one symbol that plugin.Lookup finds.
type Export struct {
	Name       string
	Func       bool
	Type       string // as reflect prints it, packages by their names: "func(*api.Config) string"; for a variable the type of a pointer to it
	TypeSymbol string // the linker's name of the type, mangled when it is long; "" when the file does not say

	typ uint64 // address of the type
}

// Places in runtime.moduledata, in words: types is the 38th in Go 1.20 to 1.27; ptab stands before pluginpath and pkghashes.
const (
	typesWord   = 37
	ptabBefore  = 5
	maxExports  = 1 << 16
	maxTypeName = 64 << 10
)

// abi.Type (internal/abi/type.go): two words, hash, tflag, align, fieldAlign, kind, two words, str.
const (
	tflagExtraStar = 1 << 1
	kindMask       = 1<<5 - 1
	kindFunc       = 19
)

// exportTable finds the plugin's table of exported symbols: pairs of 32-bit offsets, of a name and of a type, from types.
func (f *File) exportTable() (table []byte, types uint64, err error) {
	m, err := f.Plugin()
	if err != nil {
		return nil, 0, err
	}
	if m.Start == 0 {
		return nil, 0, fmt.Errorf("reading exported symbols: %w: the beginning of the module data was not found", ErrNoPlugin)
	}
	w := uint64(f.PtrSize())
	if m.types == 0 {
		return nil, 0, fmt.Errorf("reading exported symbols: the types were not found")
	}
	n, err := f.ReadWord(m.Field - ptabBefore*w + w)
	if err != nil {
		return nil, 0, fmt.Errorf("reading exported symbols: %w", err)
	}
	if n == 0 {
		return nil, m.types, nil
	}
	if m.exports == 0 || n > maxExports {
		return nil, 0, fmt.Errorf("reading exported symbols: a table of %d entries", n)
	}
	if table, err = f.ReadAddr(m.exports, 8*n); err != nil {
		return nil, 0, fmt.Errorf("reading exported symbols: %w", err)
	}
	return table, m.types, nil
}

// ExportNames reads the names of the plugin's exported symbols, in the table's order.
func (f *File) ExportNames() ([]string, error) {
	b, types, err := f.exportTable()
	if err != nil {
		return nil, err
	}
	var out []string
	total := 0
	for ; len(b) > 0; b = b[8:] {
		name, err := f.typeName(types + uint64(f.Order.Uint32(b)))
		if err != nil {
			return nil, fmt.Errorf("reading exported symbol %d: %w", len(out), err)
		}
		if total += len(name); total > maxNames {
			return nil, fmt.Errorf("reading exported symbols: %w", errNames)
		}
		out = append(out, name)
	}
	return out, nil
}

// Exports reads the plugin's table of exported symbols, in its own order. It needs no section headers and no symbol table.
func (f *File) Exports() ([]Export, error) {
	b, types, err := f.exportTable()
	if err != nil || len(b) == 0 {
		return nil, err
	}
	n := len(b) / 8
	out := make([]Export, 0, n)
	where := map[uint64][]int{}
	total := 0
	for i := range n {
		e := Export{}
		if e.Name, err = f.typeName(types + uint64(f.Order.Uint32(b[8*i:]))); err != nil {
			return nil, fmt.Errorf("reading exported symbol %d: %w", i, err)
		}
		typ := types + uint64(f.Order.Uint32(b[8*i+4:]))
		if e.Type, e.Func, err = f.typeString(types, typ); err != nil {
			return nil, fmt.Errorf("reading the type of %q: %w", e.Name, err)
		}
		if total += len(e.Name) + len(e.Type); total > maxNames {
			return nil, fmt.Errorf("reading exported symbols: %w", errNames)
		}
		e.typ = typ
		where[typ] = append(where[typ], i)
		out = append(out, e)
	}
	return out, f.nameTypes(out, where)
}

// nameTypes finds the dynamic symbols of the types.
func (f *File) nameTypes(out []Export, where map[uint64][]int) error {
	n, err := f.DynSymbolCount()
	if err != nil {
		return fmt.Errorf("reading exported symbols: %w", err)
	}
	for i := uint32(1); i < n; i++ {
		s, at, err := f.dynSymbol(i)
		if err != nil {
			return fmt.Errorf("reading exported symbols: %w", err)
		}
		if len(where[s.Value]) == 0 || !s.Defined() || !f.dynHasPrefix(uint64(at), "type:") {
			continue
		}
		name, err := f.dynString(uint64(at))
		if err != nil {
			return fmt.Errorf("reading exported symbols: %w", err)
		}
		for _, j := range where[s.Value] {
			out[j].TypeSymbol = name
		}
	}
	return nil
}

func (f *File) typeString(types, typ uint64) (s string, isFunc bool, err error) {
	w := uint64(f.PtrSize())
	b, err := f.ReadAddr(typ, 4*w+16)
	if err != nil {
		return "", false, err
	}
	flag, kind := b[2*w+4], b[2*w+7]
	if s, err = f.typeName(types + uint64(f.Order.Uint32(b[4*w+8:]))); err != nil {
		return "", false, err
	}
	if flag&tflagExtraStar != 0 {
		s = strings.TrimPrefix(s, "*")
	}
	return s, kind&kindMask == kindFunc, nil
}

// typeName reads an abi.Name: a byte of flags, the length as a varint, the bytes.
func (f *File) typeName(addr uint64) (string, error) {
	b, err := f.ReadAddr(addr, 4)
	if err != nil {
		return "", err
	}
	n, k := binary.Uvarint(b[1:])
	if k <= 0 || n > maxTypeName {
		return "", fmt.Errorf("a name of %d bytes at address %#x", n, addr)
	}
	return f.stringAt(addr+1+uint64(k), n)
}
