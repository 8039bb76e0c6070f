package goelf

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Kinds of types (internal/abi.Kind) whose descriptors name other types.
const (
	KindArray     = 17
	KindChan      = 18
	KindFunc      = 19
	KindInterface = 20
	KindMap       = 21
	KindPointer   = 22
	KindSlice     = 23
	KindStruct    = 25
)

// Type is a type of a plugin by its descriptor (internal/abi.Type), of Go 1.20 to 1.27.
type Type struct {
	Symbol string // the linker's name, mangled when it is long; "" when the file does not say
	Name   string // as reflect prints it; "" when the descriptor is not in the file
	Kind   byte
	Named  bool
	addr   uint64
	flags  byte
}

// Members are the types that an unnamed type is made of.
type Members struct {
	Key, Elem Type
	Len       uint64 // of an array
	Dir       uint64 // of a channel: 1 receives, 2 sends, 3 both
	In, Out   []Type
	Variadic  bool
	Package   string   // of unexported fields and methods
	Fields    []Member // of a struct
	Methods   []Member // of an interface
}

// Member is a field or a method.
type Member struct {
	Name, Tag string
	Embedded  bool
	Type      Type
}

// Flags of abi.Type and of abi.Name (internal/abi/type.go).
const (
	tflagUncommon = 1 << 0
	tflagNamed    = 1 << 2
	nameHasTag    = 1 << 1
	nameEmbedded  = 1 << 3
)

// Bounds of what a damaged descriptor may claim.
const (
	maxMembers = 1 << 12
	maxSlots   = 1 << 20 // a plugin of rclone has 200,000 relocations
)

var errType = errors.New("bad type descriptor")

// Types reads the descriptors of a plugin.
type Types struct {
	f     *File
	base  uint64
	slots map[uint64]slot
	names map[uint64]string // by address: the linker's
}

// slot is what the loader writes into a word: an address of this file, or of a symbol that this file does not define.
type slot struct {
	addr uint64
	sym  uint32
}

// Types prepares the reading of a plugin's types.
func (f *File) Types() (*Types, error) {
	_, base, err := f.exportTable()
	if err != nil {
		return nil, err
	}
	t := &Types{f: f, base: base, slots: map[uint64]slot{}, names: map[uint64]string{}}
	for r, err := range f.Relocs() {
		if err != nil {
			return nil, fmt.Errorf("reading types: %w", err)
		}
		if r.Off < base || r.Sym == 0 && !f.Relative(r) {
			continue
		}
		a, err := f.AddendOf(r)
		if err != nil {
			return nil, fmt.Errorf("reading types: %w", err)
		}
		if len(t.slots) == maxSlots {
			return nil, fmt.Errorf("reading types: more than %d relocations", maxSlots)
		}
		t.slots[r.Off] = slot{f.address(a), r.Sym}
	}
	for s, err := range f.DynSymbols() {
		if err != nil {
			return nil, fmt.Errorf("reading types: %w", err)
		}
		if s.Defined() && s.Type() == elf.STT_OBJECT && strings.HasPrefix(s.Name, "type:") {
			t.names[s.Value] = s.Name
		}
	}
	return t, nil
}

// Of is the type of an exported symbol.
func (t *Types) Of(e Export) (Type, error) { return t.at(e.typ) }

// BySymbol finds a type by one of the linker's names for it.
func (t *Types) BySymbol(names []string) (Type, bool) {
	for _, name := range names {
		if s, ok, err := t.f.LookupDyn(name, Symbol.Defined); err == nil && ok {
			typ, err := t.at(s.Value)
			return typ, err == nil
		}
	}
	return Type{}, false
}

// at reads the head of a descriptor.
func (t *Types) at(addr uint64) (Type, error) {
	w := uint64(t.f.PtrSize())
	b, err := t.f.ReadAddr(addr, 4*w+16)
	if err != nil {
		return Type{}, fmt.Errorf("reading a type: %w", err)
	}
	typ := Type{Symbol: t.names[addr], flags: b[2*w+4], Kind: b[2*w+7] & kindMask, addr: addr}
	if typ.Name, _, err = t.f.typeString(t.base, addr); err != nil {
		return Type{}, fmt.Errorf("reading a type: %w", err)
	}
	typ.Named = typ.flags&tflagNamed != 0
	return typ, nil
}

// word is where a pointer leads: to an address of this file, or to a symbol that is elsewhere.
func (t *Types) word(at uint64) (addr uint64, elsewhere string, err error) {
	s, ok := t.slots[at]
	if !ok {
		return 0, "", nil
	}
	if s.sym == 0 {
		return s.addr, "", nil
	}
	sym, err := t.f.DynSymbol(s.sym)
	if err != nil {
		return 0, "", fmt.Errorf("reading a type: %w", err)
	}
	if !sym.Defined() {
		return 0, sym.Name, nil
	}
	return sym.Value + s.addr, "", nil
}

// pointed is the type that the word at an address leads to.
func (t *Types) pointed(at uint64) (Type, error) {
	addr, elsewhere, err := t.word(at)
	switch {
	case err != nil:
		return Type{}, err
	case elsewhere != "":
		return Type{Symbol: elsewhere}, nil
	case addr == 0:
		return Type{}, fmt.Errorf("reading a type: %w: the word at %#x leads nowhere", errType, at)
	}
	return t.at(addr)
}

// name reads the abi.Name that a word leads to: flags, the name, its tag.
func (t *Types) name(at uint64) (name, tag string, flags byte, err error) {
	addr, elsewhere, err := t.word(at)
	if err != nil {
		return "", "", 0, err
	}
	if addr == 0 || elsewhere != "" {
		return "", "", 0, nil
	}
	if name, err = t.f.typeName(addr); err != nil {
		return "", "", 0, err
	}
	b, err := t.f.ReadAddr(addr, 1)
	if err != nil {
		return "", "", 0, err
	}
	if flags = b[0]; flags&nameHasTag != 0 {
		skip := 1 + uint64(len(binary.AppendUvarint(nil, uint64(len(name))))+len(name))
		tag, err = t.f.typeName(addr + skip - 1) // which skips a byte of flags
	}
	return name, tag, flags, err
}

// Members reads what a type that has no name is made of.
func (t *Types) Members(typ Type) (m Members, err error) {
	w := uint64(t.f.PtrSize())
	more := typ.addr + 4*w + 16
	number := func(at uint64) (v uint64) {
		if err == nil {
			v, err = t.f.ReadWord(at)
		}
		return v
	}
	pointed := func(at uint64) (o Type) {
		if err == nil {
			o, err = t.pointed(at)
		}
		return o
	}
	switch typ.Kind {
	case KindPointer, KindSlice:
		m.Elem = pointed(more)
	case KindArray:
		m.Elem, m.Len = pointed(more), number(more+2*w)
	case KindChan:
		m.Elem, m.Dir = pointed(more), number(more+w)
	case KindMap:
		m.Key, m.Elem = pointed(more), pointed(more+w)
	case KindFunc:
		err = t.function(typ, more, &m)
	case KindStruct:
		err = t.fields(more, &m)
	case KindInterface:
		err = t.methods(more, &m)
	}
	return m, err
}

func (t *Types) function(typ Type, more uint64, m *Members) error {
	w := uint64(t.f.PtrSize())
	b, err := t.f.ReadAddr(more, 4)
	if err != nil {
		return fmt.Errorf("reading a type: %w", err)
	}
	in, out := uint64(t.f.Order.Uint16(b)), uint64(t.f.Order.Uint16(b[2:]))
	m.Variadic, out = out&0x8000 != 0, out&0x7fff
	at := more + max(4, w)
	if typ.flags&tflagUncommon != 0 {
		at += 16 // abi.UncommonType
	}
	if in+out > maxMembers {
		return fmt.Errorf("reading a type: %w: a function of %d parameters", errType, in+out)
	}
	for i := range in + out {
		p, err := t.pointed(at + i*w)
		if err != nil {
			return err
		}
		if i < in {
			m.In = append(m.In, p)
		} else {
			m.Out = append(m.Out, p)
		}
	}
	return nil
}

// table reads the package and the slice that structs and interfaces begin with.
func (t *Types) table(more uint64, m *Members) (at, n uint64, err error) {
	w := uint64(t.f.PtrSize())
	if m.Package, _, _, err = t.name(more); err != nil {
		return 0, 0, err
	}
	if n, err = t.f.ReadWord(more + 2*w); err != nil {
		return 0, 0, fmt.Errorf("reading a type: %w", err)
	}
	if n > maxMembers {
		return 0, 0, fmt.Errorf("reading a type: %w: %d members", errType, n)
	}
	at, _, err = t.word(more + w)
	return at, n, err
}

func (t *Types) fields(more uint64, m *Members) error {
	w := uint64(t.f.PtrSize())
	at, n, err := t.table(more, m)
	if err != nil {
		return err
	}
	for i := range n {
		f := Member{}
		var flags byte
		if f.Name, f.Tag, flags, err = t.name(at + i*3*w); err != nil {
			return err
		}
		f.Embedded = flags&nameEmbedded != 0
		if f.Type, err = t.pointed(at + i*3*w + w); err != nil {
			return err
		}
		m.Fields = append(m.Fields, f)
	}
	return nil
}

func (t *Types) methods(more uint64, m *Members) error {
	at, n, err := t.table(more, m)
	if err != nil || n == 0 {
		return err
	}
	b, err := t.f.ReadAddr(at, 8*n)
	if err != nil {
		return fmt.Errorf("reading a type: %w", err)
	}
	for ; len(b) > 0; b = b[8:] { // offsets of a name and of a type
		f := Member{}
		if f.Name, err = t.f.typeName(t.base + uint64(t.f.Order.Uint32(b))); err != nil {
			return err
		}
		if f.Type, err = t.at(t.base + uint64(t.f.Order.Uint32(b[4:]))); err != nil {
			return err
		}
		m.Methods = append(m.Methods, f)
	}
	return nil
}
