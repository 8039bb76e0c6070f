package elfdiff

import (
	"debug/elf"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// piece says that n bytes at address a in file A correspond to n bytes at address b in file B.
type piece struct{ a, b, n uint64 }

// addrMap leads from addresses of A to addresses of B.
type addrMap struct {
	pieces []piece
	starts map[uint64]uint64 // where symbols begin whose first bytes do not correspond
}

// begin lets the addresses of one symbol correspond, though its first bytes do not.
func (m *addrMap) begin(a, b uint64) {
	if m.starts == nil {
		m.starts = map[uint64]uint64{}
	}
	m.starts[a] = b
}

func (m *addrMap) add(a, b, n uint64) {
	if n == 0 {
		return
	}
	if l := len(m.pieces); l > 0 {
		if p := &m.pieces[l-1]; p.a+p.n == a && p.b+p.n == b {
			p.n += n
			return
		}
	}
	m.pieces = append(m.pieces, piece{a, b, n})
}

func (m *addrMap) sort() {
	slices.SortFunc(m.pieces, func(p, q piece) int {
		switch {
		case p.a < q.a:
			return -1
		case p.a > q.a:
			return 1
		}
		return 0
	})
}

// to translates an address.
func (m *addrMap) to(a uint64) (uint64, bool) {
	i := sort.Search(len(m.pieces), func(i int) bool { return m.pieces[i].a > a }) - 1
	if i < 0 || a-m.pieces[i].a >= m.pieces[i].n {
		b, ok := m.starts[a]
		return b, ok
	}
	return m.pieces[i].b + (a - m.pieces[i].a), true
}

// same reports whether a in A and b in B are the same place: of one symbol and offset, or just behind the same byte.
func (m *addrMap) same(a, b uint64) bool {
	if t, ok := m.to(a); ok && t == b {
		return true
	}
	t, ok := m.to(a - 1)
	return ok && t+1 == b
}

// unit is a named stretch of a section, or what lies between two of them.
type unit struct {
	lo, hi uint64
	unitKey
}

// unitKey names a unit: by the key of its symbol, or of the symbol before it.
type unitKey struct {
	key string
	gap bool
}

// sectionSymbols groups the symbols that can bound units by section, sorted by address. Of several names for one place the
// widest symbol counts, then the first name that is not the linker's alias.
func (im *image) sectionSymbols(table []symbol) map[int][]symbol {
	out := map[int][]symbol{}
	counts := make([]int, len(im.secs))
	for _, y := range table {
		if y.defined() && int(y.shndx) < len(counts) {
			counts[y.shndx]++
		}
	}
	take := func(y symbol) {
		t := y.typ()
		if !y.defined() || y.name == "" || y.name[0] == '$' || t == elf.STT_FILE || t == elf.STT_SECTION || t == elf.STT_TLS || int(y.shndx) >= len(im.secs) {
			return
		}
		s := im.secs[y.shndx]
		if y.value < s.Addr || y.value-s.Addr > s.Size || y.size > s.Size-(y.value-s.Addr) {
			return
		}
		l := out[int(y.shndx)]
		if l == nil {
			l = make([]symbol, 0, counts[y.shndx])
		}
		out[int(y.shndx)] = append(l, y)
	}
	for _, y := range table {
		take(y)
	}
	for _, y := range im.made() {
		take(y)
	}
	for i, l := range out {
		slices.SortFunc(l, func(x, y symbol) int {
			switch {
			case x.value != y.value:
				return cmp64(x.value, y.value)
			case x.size != y.size:
				return cmp64(y.size, x.size)
			}
			if c := boolCmp(strings.HasPrefix(x.name, "local."), strings.HasPrefix(y.name, "local.")); c != 0 {
				return c
			}
			return strings.Compare(x.name, y.name)
		})
		out[i] = slices.CompactFunc(l, func(x, y symbol) bool { return x.value == y.value })
	}
	return out
}

func cmp64(x, y uint64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// keys numbers equal names, in the order of addresses.
func (c *comparison) keys(l []symbol, path string) []string {
	out := make([]string, len(l))
	seen := map[string]int{}
	for i, y := range l {
		k := c.canonical(y.name, path)
		out[i] = k
		if n := seen[k]; n > 0 {
			out[i] += "\x00" + strconv.Itoa(n)
		}
		seen[k]++
	}
	return out
}

// units cuts a section at the symbols whose keys both files have in it, at all if common is nil. What lies between belongs to the symbol before it.
func units(s *section, l []symbol, ks []string, common map[string]bool) []unit {
	var out []unit
	at, prev := s.Addr, "^"
	end := s.Addr + s.Size
	gap := func(to uint64) {
		if to > at {
			out = append(out, unit{at, to, unitKey{prev, true}})
			at = to
		}
	}
	for i, y := range l {
		if common != nil && !common[ks[i]] {
			continue
		}
		if y.value < at { // inside the last unit, which ends here
			if n := len(out); n > 0 && !out[n-1].gap && out[n-1].lo < y.value {
				out[n-1].hi, at = y.value, y.value
			} else {
				continue
			}
		}
		gap(y.value)
		prev = ks[i]
		if y.size > 0 {
			out = append(out, unit{y.value, min(y.value+y.size, end), unitKey{ks[i], false}})
			at = out[len(out)-1].hi
		}
	}
	gap(end)
	return out
}

// reverse leads from B to A.
func (m *addrMap) reverse() *addrMap {
	r := &addrMap{pieces: make([]piece, len(m.pieces))}
	for a, b := range m.starts {
		r.begin(b, a)
	}
	for i, p := range m.pieces {
		r.pieces[i] = piece{p.b, p.a, p.n}
	}
	r.sort()
	return r
}
