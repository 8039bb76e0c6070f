package goelf

import (
	"debug/elf"
	"fmt"
)

// Layout holds the addresses of a module's parts, as runtime.moduledata gives them; 0 is unknown. Stripping keeps them.
type Layout struct {
	Pclntab, PclntabEnd uint64 // the line table
	FindFuncTab         uint64
	Text, EText         uint64 // offsets of functions count from Text
	Types               uint64 // offsets of types and names count from here
	Rodata              uint64
	Gofunc              uint64 // go:func.*, from which offsets of funcdata count
	Data, EData         uint64 // initialised variables that hold pointers, which the garbage collector scans
	BSS, EBSS           uint64 // the same without initial values
}

// Words of runtime.moduledata (runtime/symtab.go of Go 1.20 to 1.27). Go 1.27 put the words typedesclen, itaboffset and itabsize
// between types and rodata; typedesclen, a number where etypes stood before, tells the two apart.
const (
	pclntableWord   = 13
	findFuncTabWord = 19
	textWord        = 22
	eTextWord       = 23
	dataWord        = 26 // data, edata, bss, ebss
	rodataWord      = 39
	rodataWord127   = 42
	layoutWords     = 44
)

// Layout reads the module data of a plugin, or of a program that exports its own.
func (f *File) Layout() (Layout, error) {
	f.layOnce.Do(func() { f.lay, f.layErr = f.readLayout() })
	return f.lay, f.layErr
}

func (f *File) readLayout() (Layout, error) {
	start, err := f.moduleStart()
	if err != nil {
		return Layout{}, err
	}
	w := uint64(f.PtrSize())
	b, err := f.ReadAddr(start, layoutWords*w)
	if err != nil {
		return Layout{}, fmt.Errorf("reading the module data: %w", err)
	}
	ptrs, err := f.relativesIn(start, start+layoutWords*w)
	if err != nil {
		return Layout{}, fmt.Errorf("reading the module data: %w", err)
	}
	at := func(i uint64) uint64 {
		if p, ok := ptrs[start+i*w]; ok {
			return p
		}
		if f.Type == elf.ET_EXEC { // linked to its final address
			return f.Word(b[i*w:])
		}
		return 0
	}
	l := Layout{Pclntab: at(0), FindFuncTab: at(findFuncTabWord), Text: at(textWord), EText: at(eTextWord), Types: at(typesWord),
		Data: at(dataWord), EData: at(dataWord + 1), BSS: at(dataWord + 2), EBSS: at(dataWord + 3)}
	rodata := uint64(rodataWord)
	if etypes := at(typesWord + 1); etypes < l.Types {
		rodata = rodataWord127
	}
	l.Rodata, l.Gofunc = at(rodata), at(rodata+1)
	if p := at(pclntableWord); p >= l.Pclntab {
		if end := p + f.Word(b[(pclntableWord+1)*w:]); end >= p {
			l.PclntabEnd = end
		}
	}
	h, err := f.ReadAddr(l.Pclntab, 8)
	if err != nil || !f.isPclntab(h) || l.PclntabEnd == 0 {
		return Layout{}, fmt.Errorf("reading the module data at address %#x: %w", start, ErrNoPclntab)
	}
	return l, nil
}

// moduleStart is the address of the file's own module data.
func (f *File) moduleStart() (uint64, error) {
	m, err := f.Plugin()
	if err == nil && m.Start != 0 {
		return m.Start, nil
	}
	s, ok, lookErr := f.LookupDyn("runtime.firstmoduledata", Symbol.Defined)
	if lookErr == nil && ok {
		return s.Value, nil
	}
	if err == nil {
		err = ErrNoPclntab
	}
	return 0, fmt.Errorf("reading the module data: %w", err)
}
