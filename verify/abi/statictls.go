package abi

import (
	"debug/elf"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// glibc keeps room in each thread's static block for libraries that are opened late and use thread-local storage of their own by the
// initial-exec model (elf/dl-tls.c, LEGACY_TLS): so many bytes, and what is left by rounding the block up to its alignment. How much of the latter
// there is depends on the libraries of the start.
const (
	staticTLSRoom  = 1664
	staticTLSAlign = 64
	staticTLSSpare = 512 // of it for dynamic use that glibc makes faster (OPTIONAL_TLS)
)

// staticTLS is what is taken of that room, at least and at most, for the places of blocks are aligned.
type staticTLS struct {
	least, most, spare uint64
}

// block is its thread-local storage.
func (o *object) block() *goelf.Segment { return o.file.Segment(elf.PT_TLS) }

// take is _dl_allocate_static_tls. refused says that there is no room, unsure why that cannot be told.
func (t *staticTLS) take(b *goelf.Segment) (refused bool, unsure string) {
	align := max(b.Aln, 1)
	if align > staticTLSAlign {
		return false, fmt.Sprintf("its thread-local storage is aligned to %d bytes: glibc gives it a place only if something that the host began with is, too", align)
	}
	least, most := t.least+b.MemSz, t.most+b.MemSz+align-1
	switch {
	case least >= staticTLSRoom+staticTLSAlign:
		return true, ""
	case most > staticTLSRoom:
		return false, fmt.Sprintf("it takes %d bytes of the room that glibc keeps for thread-local storage of the initial-exec model, about %d in all: whether they are left depends on the libraries with which the host starts", b.MemSz, staticTLSRoom)
	}
	t.least, t.most = least, most
	return false, ""
}

// mayTake is _dl_try_allocate_static_tls: nothing fails when there is no room.
func (t *staticTLS) mayTake(b *goelf.Segment) {
	n := min(b.MemSz+max(b.Aln, 1)-1, staticTLSSpare-min(t.spare, staticTLSSpare))
	t.spare += n
	t.most += n
}

// tlsOf is the object, opened late, in whose thread-local storage a relocation points; nil for none, for one whose place is given already, and
// for one that need not have a place in the room.
func (g *glibcLoader) tlsOf(p *process, o *object, r goelf.Reloc) (owner *object, must bool, err error) {
	must = slices.Contains(p.mach.tpoff, r.Type)
	if !must && r.Type != p.mach.tlsDesc {
		return nil, false, nil
	}
	owner = o
	if r.Sym != 0 {
		s, err := o.file.DynSymbol(r.Sym)
		if err != nil {
			return nil, false, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if s.Bind() != elf.STB_LOCAL {
			if owner, _, _, err = p.find(p.global, s.Name, goelf.Symbol.Defined); err != nil {
				return nil, false, err
			}
		}
	}
	if owner == nil || !owner.runtime || owner.missing || owner.file == nil || owner.block() == nil || slices.Contains(g.placed, owner) {
		return nil, false, nil
	}
	return owner, must, nil
}
