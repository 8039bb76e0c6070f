package goelf

import (
	"debug/elf"
	"fmt"
)

// VersionNeed is one symbol version that a file wants of a library (DT_VERNEED).
type VersionNeed struct {
	File    string // the library's DT_NEEDED name
	Version string
	Weak    bool
	Index   uint16 // as in DT_VERSYM
}

// maxVersions bounds the entries of one version table.
const maxVersions = 1 << 14

// VersionNeeds returns the entries of DT_VERNEED.
func (f *File) VersionNeeds() ([]VersionNeed, error) {
	at, ok := f.DynValue(elf.DT_VERNEED)
	n, _ := f.DynValue(elf.DT_VERNEEDNUM)
	if !ok {
		return nil, nil
	}
	var out []VersionNeed
	total := 0
	for range min(n, maxVersions) {
		b, err := f.ReadAddr(at, 16)
		if err != nil {
			return out, fmt.Errorf("reading DT_VERNEED: %w", err)
		}
		cnt, file := f.Order.Uint16(b[2:]), f.Order.Uint32(b[4:])
		aux, next := f.Order.Uint32(b[8:]), f.Order.Uint32(b[12:])
		lib, err := f.dynString(uint64(file))
		if err != nil {
			return out, fmt.Errorf("reading DT_VERNEED: %w", err)
		}
		for a, i := at+uint64(aux), uint16(0); i < cnt; i++ {
			e, err := f.ReadAddr(a, 16)
			if err != nil {
				return out, fmt.Errorf("reading DT_VERNEED: %w", err)
			}
			name, err := f.dynString(uint64(f.Order.Uint32(e[8:])))
			if err != nil {
				return out, fmt.Errorf("reading DT_VERNEED: %w", err)
			}
			if total += len(name) + len(lib); len(out) == maxVersions || total > maxNames {
				return out, fmt.Errorf("reading DT_VERNEED: %w", errNames)
			}
			out = append(out, VersionNeed{lib, name, f.Order.Uint16(e[4:])&2 != 0, f.Order.Uint16(e[6:])})
			step := f.Order.Uint32(e[12:])
			if step == 0 {
				break
			}
			a += uint64(step)
		}
		if next == 0 {
			break
		}
		at += uint64(next)
	}
	return out, nil
}

// VersionDefs returns the names of DT_VERDEF.
func (f *File) VersionDefs() ([]string, error) {
	at, ok := f.DynValue(elf.DynTag(0x6ffffffc)) // DT_VERDEF
	n, _ := f.DynValue(elf.DynTag(0x6ffffffd))   // DT_VERDEFNUM
	if !ok {
		return nil, nil
	}
	var out []string
	total := 0
	for range min(n, maxVersions) {
		b, err := f.ReadAddr(at, 20)
		if err != nil {
			return out, fmt.Errorf("reading DT_VERDEF: %w", err)
		}
		aux, err := f.ReadAddr(at+uint64(f.Order.Uint32(b[12:])), 8)
		if err != nil {
			return out, fmt.Errorf("reading DT_VERDEF: %w", err)
		}
		name, err := f.dynString(uint64(f.Order.Uint32(aux)))
		if err != nil {
			return out, fmt.Errorf("reading DT_VERDEF: %w", err)
		}
		if total += len(name); total > maxNames {
			return out, fmt.Errorf("reading DT_VERDEF: %w", errNames)
		}
		out = append(out, name)
		next := f.Order.Uint32(b[16:])
		if next == 0 {
			break
		}
		at += uint64(next)
	}
	return out, nil
}

// SymbolVersion is the version that the file wants of an undefined dynamic symbol, "" when it wants none.
func (f *File) SymbolVersion(i uint32) (string, error) {
	at, ok := f.DynValue(elf.DT_VERSYM)
	if !ok {
		return "", nil
	}
	b, err := f.ReadAddr(at+2*uint64(i), 2)
	if err != nil {
		return "", fmt.Errorf("reading DT_VERSYM: %w", err)
	}
	v := f.Order.Uint16(b) & 0x7fff
	if v < 2 {
		return "", nil
	}
	needs, err := f.VersionNeeds()
	for _, n := range needs {
		if n.Index&0x7fff == v {
			return n.Version, nil
		}
	}
	return "", err
}
