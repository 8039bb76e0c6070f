package goelf

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

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
