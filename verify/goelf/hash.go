package goelf

import (
	"debug/elf"
	"errors"
	"fmt"
)

// hashTable is where the loaders look names up: DT_GNU_HASH when there is one, else DT_HASH.
type hashTable struct {
	err     error
	gnu     bool
	count   uint64 // symbols in the dynamic table, 0 when it cannot be told
	buckets uint64 // address of the bucket array
	chains  uint64 // address of the chain array
	bloom   uint64 // GNU: address of the bloom filter
	nbucket uint32
	base    uint32 // GNU: first hashed symbol
	nbloom  uint32
	shift   uint32
}

func (f *File) readHash(t *dynTables) {
	h := &t.hash
	if at, ok := f.DynValue(elf.DT_GNU_HASH); ok {
		h.gnu = true
		h.err = f.readGNUHash(h, at)
		return
	}
	if at, ok := f.DynValue(elf.DT_HASH); ok {
		b, err := f.ReadAddr(at, 8)
		if err != nil {
			h.err = fmt.Errorf("reading DT_HASH: %w", err)
			return
		}
		h.nbucket, h.count = f.Order.Uint32(b), uint64(f.Order.Uint32(b[4:]))
		h.buckets = at + 8
		h.chains = h.buckets + 4*uint64(h.nbucket)
	}
}

// readGNUHash also counts the symbols: the highest bucket's chain ends with the last symbol. The walk is bounded by the file's own bytes.
func (f *File) readGNUHash(h *hashTable, at uint64) error {
	b, err := f.ReadAddr(at, 16)
	if err != nil {
		return fmt.Errorf("reading DT_GNU_HASH: %w", err)
	}
	d := decoder{b, f}
	h.nbucket, h.base, h.nbloom, h.shift = d.u32(), d.u32(), d.u32(), d.u32()
	h.bloom = at + 16
	h.buckets = h.bloom + uint64(h.nbloom)*uint64(f.PtrSize())
	h.chains = h.buckets + 4*uint64(h.nbucket)
	h.count = uint64(h.base)
	off, avail, ok := f.Offset(h.buckets)
	if h.nbucket == 0 {
		return nil
	}
	if !ok || uint64(h.nbucket) > avail/4 {
		return fmt.Errorf("reading DT_GNU_HASH: %d buckets do not fit", h.nbucket)
	}
	last := uint32(0)
	for left := uint64(h.nbucket); left > 0; {
		c := min(left, 4096)
		b, err := f.readOffset(off, 4*c)
		if err != nil {
			return fmt.Errorf("reading DT_GNU_HASH: %w", err)
		}
		for i := uint64(0); i < c; i++ {
			last = max(last, f.Order.Uint32(b[4*i:]))
		}
		off, left = off+4*c, left-c
	}
	if last < h.base {
		return nil
	}
	for i := uint64(last); ; i++ {
		v, err := f.u32At(h.chains + 4*(i-uint64(h.base)))
		if err != nil {
			return fmt.Errorf("reading DT_GNU_HASH: %w", err)
		}
		if v&1 != 0 {
			h.count = i + 1
			return nil
		}
	}
}

func (f *File) u32At(addr uint64) (uint32, error) {
	off, avail, ok := f.Offset(addr)
	if !ok || avail < 4 || off > uint64(f.in.size) || uint64(f.in.size)-off < 4 {
		return 0, fmt.Errorf("reading 4 bytes at address %#x: outside the file", addr)
	}
	var b [4]byte
	if err := f.in.read(b[:], int64(off)); err != nil {
		return 0, err
	}
	return f.Order.Uint32(b[:]), nil
}

// maxChain bounds the walk of one hash chain, and maxSteps that of all look-ups in a file beyond their first freeSteps: honest chains have a
// handful of entries however often they are walked, a hostile one may loop.
const (
	maxChain  = 1 << 16
	maxSteps  = 1 << 22
	freeSteps = 64
)

var errChain = errors.New("the hash chains are too long")

// LookupDyn finds a dynamic symbol by name the way the loaders do, through the hash table, for which accept returns true
// (nil accepts all). Undefined symbols are in DT_HASH tables but not in GNU ones.
func (f *File) LookupDyn(name string, accept func(Symbol) bool) (Symbol, bool, error) {
	t := f.tables()
	if t.err != nil {
		return Symbol{}, false, t.err
	}
	h := &t.hash
	if h.err != nil {
		return Symbol{}, false, h.err
	}
	if h.nbucket == 0 {
		return Symbol{}, false, nil
	}
	try := func(i uint32) (Symbol, bool, error) {
		s, at, err := f.dynSymbol(i)
		if err != nil {
			return s, false, err
		}
		same, err := f.dynNameIs(uint64(at), name)
		if err != nil || !same {
			return s, false, err
		}
		s.Name = name
		return s, accept == nil || accept(s), nil
	}
	if h.gnu {
		return f.lookupGNU(h, name, try)
	}
	i, err := f.u32At(h.buckets + 4*uint64(SysVHash(name)%h.nbucket))
	for n := 0; err == nil && i != 0; n++ {
		if n == maxChain || f.tired(n) {
			return Symbol{}, false, fmt.Errorf("looking up %q: %w", name, errChain)
		}
		if s, ok, err := try(i); err != nil || ok {
			return s, ok, err
		}
		i, err = f.u32At(h.chains + 4*uint64(i))
	}
	if err != nil {
		return Symbol{}, false, fmt.Errorf("looking up %q: %w", name, err)
	}
	return Symbol{}, false, nil
}

// tired counts step n of a look-up, and reports whether there were too many in all.
func (f *File) tired(n int) bool { return n >= freeSteps && f.steps.Add(1) > maxSteps }

func (f *File) lookupGNU(h *hashTable, name string, try func(uint32) (Symbol, bool, error)) (Symbol, bool, error) {
	hash := GNUHash(name)
	if h.nbloom > 0 { // the filter decides in the loaders too, even when it is wrong
		bits := uint32(8 * f.PtrSize())
		w, err := f.ReadWord(h.bloom + uint64(f.PtrSize())*uint64((hash/bits)&(h.nbloom-1)))
		if err != nil {
			return Symbol{}, false, fmt.Errorf("looking up %q: %w", name, err)
		}
		if w>>(hash%bits)&1 == 0 || w>>((hash>>(h.shift&31))%bits)&1 == 0 {
			return Symbol{}, false, nil
		}
	}
	i, err := f.u32At(h.buckets + 4*uint64(hash%h.nbucket))
	if err != nil || i < h.base || i == 0 {
		return Symbol{}, false, err
	}
	for n := 0; n < maxChain && !f.tired(n); n, i = n+1, i+1 {
		v, err := f.u32At(h.chains + 4*uint64(i-h.base))
		if err != nil {
			return Symbol{}, false, fmt.Errorf("looking up %q: %w", name, err)
		}
		if v|1 == hash|1 {
			if s, ok, err := try(i); err != nil || ok {
				return s, ok, err
			}
		}
		if v&1 != 0 {
			return Symbol{}, false, nil
		}
	}
	return Symbol{}, false, fmt.Errorf("looking up %q: %w", name, errChain)
}

// dynNameIs compares a name in .dynstr without making a string of it.
func (f *File) dynNameIs(at uint64, name string) (bool, error) {
	t := f.tables()
	n := uint64(len(name)) + 1
	if at >= t.strLen || n > t.strLen-at {
		return false, nil
	}
	off := t.strOff + at
	if off > uint64(f.in.size) || n > uint64(f.in.size)-off {
		return false, fmt.Errorf("reading .dynstr at %#x: the file ends before", at)
	}
	var buf [512]byte
	b := buf[:]
	if n > uint64(len(b)) {
		b = make([]byte, n)
	}
	b = b[:n]
	if err := f.in.read(b, int64(off)); err != nil {
		return false, err
	}
	return b[n-1] == 0 && string(b[:n-1]) == name, nil
}

// SysVHash is the hash function of the System V ABI, figure 5-12.
func SysVHash(name string) uint32 {
	var h uint32
	for i := range len(name) {
		h = h<<4 + uint32(name[i])
		h ^= h >> 24 & 0xf0
	}
	return h & 0xfffffff
}

// GNUHash is Bernstein's hash as DT_GNU_HASH uses it.
func GNUHash(name string) uint32 {
	h := uint32(5381)
	for i := range len(name) {
		h = h*33 + uint32(name[i])
	}
	return h
}
