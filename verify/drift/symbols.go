package drift

import (
	"debug/elf"
	"fmt"
	"sort"

	"github.com/plugproof/plugproof/verify/goelf"
)

// symbolTable holds a file's defined dynamic symbols. A host that imports package plugin and a plugin export Go's functions and data there,
// and stripping leaves them.
type symbolTable struct {
	file   *goelf.File
	sorted []entrySymbol
	names  map[uint32]string
}

// entrySymbol is a symbol without its name, which is read when it is asked for.
type entrySymbol struct {
	addr, size uint64
	index      uint32
	fn         bool
}

type symbol struct {
	name string
	entrySymbol
}

// maxSymbols bounds the symbols that are kept.
const maxSymbols = 1 << 21

func readSymbols(f *goelf.File) (*symbolTable, error) {
	n, err := f.DynSymbolCount()
	if err != nil {
		return nil, fmt.Errorf("reading symbols: %w", err)
	}
	if n > maxSymbols {
		return nil, fmt.Errorf("reading symbols: %d of them", n)
	}
	t := &symbolTable{file: f, names: map[uint32]string{}, sorted: make([]entrySymbol, 0, n)}
	for s, err := range f.DynSymbolEntries() {
		if err != nil {
			return nil, fmt.Errorf("reading symbols: %w", err)
		}
		if s.Defined() && (s.Type() == elf.STT_FUNC || s.Type() == elf.STT_OBJECT) && s.Size != 0 {
			t.sorted = append(t.sorted, entrySymbol{s.Value, s.Size, s.Index, s.Type() == elf.STT_FUNC})
		}
	}
	t.sorted = sortedByAddress(t.sorted, func(s *entrySymbol) uint64 { return s.addr }) // those of one address by their index, in which they come
	return t, nil
}

// name reads a symbol's name, "" when that cannot be done.
func (t *symbolTable) name(i uint32) string {
	if s, ok := t.names[i]; ok {
		return s
	}
	s, err := t.file.DynSymbol(i)
	if err != nil || len(s.Name) > maxSymbolName {
		s.Name = ""
	}
	t.names[i] = s.Name
	return s.Name
}

// maxSymbolName bounds a symbol's name in bytes: those of instances of generic functions are long.
const maxSymbolName = 1 << 14

// address looks a name up as the loader would.
func (t *symbolTable) address(name string) (uint64, bool) {
	s, ok, err := t.file.LookupDyn(name, goelf.Symbol.Defined)
	return s.Value, ok && err == nil
}

// covering are the symbols that hold an address: several when they begin at the same place.
func (t *symbolTable) covering(addr uint64) []symbol {
	i := sort.Search(len(t.sorted), func(i int) bool { return t.sorted[i].addr > addr })
	if i == 0 {
		return nil
	}
	start := t.sorted[i-1].addr
	j := i - 1
	for j > 0 && t.sorted[j-1].addr == start && i-j < 16 {
		j--
	}
	var out []symbol
	for _, s := range t.sorted[j:i] {
		if name := t.name(s.index); addr-s.addr < s.size && name != "" {
			out = append(out, symbol{name, s})
		}
	}
	return out
}

// functionName is the name of the function symbol at an address, "" when there is none. Of several the first in order counts.
func (t *symbolTable) functionName(addr uint64) string {
	best := ""
	for _, s := range t.covering(addr) {
		if s.fn && s.addr == addr && (best == "" || s.name < best) {
			best = s.name
		}
	}
	return best
}
