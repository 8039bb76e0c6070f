package drift

import (
	"debug/elf"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// symbolTable holds a file's defined dynamic symbols. A host that imports package plugin and a plugin export Go's functions and data there,
// and stripping leaves them.
type symbolTable struct {
	sorted []symbol
	byName map[string]int
}

type symbol struct {
	name       string
	addr, size uint64
	fn         bool
}

// maxSymbols bounds the symbols that are kept.
const maxSymbols = 1 << 21

func readSymbols(f *goelf.File) (*symbolTable, error) {
	t := &symbolTable{byName: map[string]int{}}
	for s, err := range f.DynSymbols() {
		if err != nil {
			return nil, fmt.Errorf("reading symbols: %w", err)
		}
		if !s.Defined() || s.Type() != elf.STT_FUNC && s.Type() != elf.STT_OBJECT || s.Size == 0 || s.Name == "" {
			continue
		}
		if len(t.sorted) == maxSymbols {
			return nil, fmt.Errorf("reading symbols: more than %d of them", maxSymbols)
		}
		t.sorted = append(t.sorted, symbol{s.Name, s.Value, s.Size, s.Type() == elf.STT_FUNC})
	}
	slices.SortFunc(t.sorted, func(a, b symbol) int {
		if c := compareUint(a.addr, b.addr); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	for i, s := range t.sorted {
		t.byName[s.name] = i
	}
	return t, nil
}

func (t *symbolTable) address(name string) (uint64, bool) {
	i, ok := t.byName[name]
	if !ok {
		return 0, false
	}
	return t.sorted[i].addr, true
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
		if addr-s.addr < s.size {
			out = append(out, s)
		}
	}
	return out
}

// functionName is the name of the function symbol at an address, "" when there is none. Of several the first in order counts.
func (t *symbolTable) functionName(addr uint64) string {
	for _, s := range t.covering(addr) {
		if s.fn && s.addr == addr {
			return s.name
		}
	}
	return ""
}
