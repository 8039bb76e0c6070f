package drift

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// function is one entry of the runtime's function table.
type function struct {
	name string // with its type arguments where the dynamic symbols tell them; read when it is asked for
	addr uint64
	size uint64 // to the next function, padding included
	args int32  // bytes of stack arguments (runtime/runtime2.go, _func)
	at   uint32 // of the name in the table of names
}

// functions are a file's functions, sorted by address.
type functions struct {
	list    []function
	names   string
	symbols *symbolTable
	byName  map[string][]int // of the packages that were asked for
	of      map[string][]int // of each package
}

// Bounds of what is believed of a function table.
const (
	maxFunctions = 1 << 21
	maxNameBytes = 1 << 10 // of one function; longer names are cut
	maxTable     = 256 << 20
)

var errTable = errors.New("bad function table")

// pclntab header (runtime/symtab.go, since Go 1.20): magic and sizes in 8 bytes, then words.
const (
	headFunctions = iota
	headFiles
	headText
	headNames
	headUnits
	headFileNames
	headPCs
	headTable
	headWords
)

// readFunctions reads the function table, which stripping leaves in place because the runtime needs it. The table counts from
// runtime.text, which from Go 1.26 on it does not say: that is found by functions whose address is in the dynamic symbols, too.
func readFunctions(f *goelf.File, symbols *symbolTable) (*functions, error) {
	addr, size, err := f.PclntabRange()
	if err != nil {
		return nil, fmt.Errorf("reading functions: %w", err)
	}
	w := uint64(f.PtrSize())
	head, err := f.ReadAddr(addr, 8+headWords*w)
	if err != nil {
		return nil, fmt.Errorf("reading functions: %w", err)
	}
	word := func(i int) uint64 { return f.Word(head[8+uint64(i)*w:]) }
	n, namesAt, namesEnd, at := word(headFunctions), word(headNames), word(headUnits), word(headTable)
	if n == 0 || n > maxFunctions || namesAt > namesEnd || namesEnd > size || at > size || size-at > maxTable || namesEnd-namesAt > maxTable || n > (size-at)/8 {
		return nil, fmt.Errorf("reading functions: %w: %d of them in %#x bytes", errTable, n, size)
	}
	names, err := readString(f, addr+namesAt, namesEnd-namesAt)
	if err != nil {
		return nil, fmt.Errorf("reading functions: %w", err)
	}
	table, err := f.ReadAddr(addr+at, n*8+4)
	if err != nil {
		return nil, fmt.Errorf("reading functions: %w", err)
	}
	last := uint64(f.Order.Uint32(table[(n-1)*8+4:])) + funcHead
	if last < uint64(len(table)) || last > size-at || last > maxTable {
		return nil, fmt.Errorf("reading functions: %w: the last is at %#x", errTable, last)
	}
	if table, err = f.ReadAddr(addr+at, last); err != nil {
		return nil, fmt.Errorf("reading functions: %w", err)
	}
	out := &functions{list: make([]function, 0, n), names: names, symbols: symbols}
	for i := range n {
		entry, next := f.Order.Uint32(table[i*8:]), f.Order.Uint32(table[i*8+8:])
		info := uint64(f.Order.Uint32(table[i*8+4:]))
		if next < entry || info > last-funcHead {
			return nil, fmt.Errorf("reading functions: %w: entry %d", errTable, i)
		}
		out.list = append(out.list, function{addr: uint64(entry), size: uint64(next - entry), at: f.Order.Uint32(table[info+4:]), args: int32(f.Order.Uint32(table[info+8:]))})
	}
	if !slices.IsSortedFunc(out.list, func(a, b function) int { return compareUint(a.addr, b.addr) }) {
		return nil, fmt.Errorf("reading functions: %w: not in order", errTable)
	}
	text, ok := out.findText()
	if !ok {
		return nil, fmt.Errorf("reading functions: %w: no function is among the dynamic symbols", errTable)
	}
	for i := range out.list {
		out.list[i].addr += text
	}
	return out, nil
}

// readString reads bytes as a string, in pieces: a large program's names have tens of megabytes, of which there should not be two copies.
func readString(f *goelf.File, addr, n uint64) (string, error) {
	if off, avail, ok := f.Offset(addr); n > 0 && (!ok || n > avail || off > uint64(f.Size()) || n > uint64(f.Size())-off) {
		return "", fmt.Errorf("%w: %d bytes of names at address %#x", errTable, n, addr)
	}
	var b strings.Builder
	b.Grow(int(n))
	for n > 0 {
		piece, err := f.ReadAddr(addr, min(n, 1<<16))
		if err != nil {
			return "", err
		}
		b.Write(piece)
		addr, n = addr+uint64(len(piece)), n-uint64(len(piece))
	}
	return b.String(), nil
}

// funcHead is what is read of a runtime._func in bytes: entryOff, nameOff, args.
const funcHead = 12

// index fills byName with the functions of the packages that include names. Names that the dynamic symbols have are fuller.
func (fs *functions) index(include func(pkg string) bool) {
	if fs.of == nil {
		fs.of = map[string][]int{}
		last, run := "", 0 // linkers lay one package after another
		for i := range fs.list {
			if pkg := packageOf(nameAt(fs.names, fs.list[i].at)); pkg != last {
				fs.add(last, run, i)
				last, run = pkg, i
			}
		}
		fs.add(last, run, len(fs.list))
	}
	fs.byName = map[string][]int{}
	for pkg, list := range fs.of {
		if !include(pkg) {
			continue
		}
		for _, i := range list {
			fs.name(i)
			fs.byName[fs.list[i].name] = append(fs.byName[fs.list[i].name], i)
		}
	}
}

// add notes that the functions from one index to another are of a package.
func (fs *functions) add(pkg string, from, to int) {
	list := slices.Grow(fs.of[pkg], to-from)
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	fs.of[pkg] = list
}

func (fs *functions) name(i int) {
	f := &fs.list[i]
	if f.name != "" {
		return
	}
	if f.name = fs.symbols.functionName(f.addr); f.name == "" {
		f.name = nameAt(fs.names, f.at)
	}
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// nameAt is the name at an offset, cut to maxNameBytes.
func nameAt(names string, off uint32) string {
	if uint64(off) >= uint64(len(names)) {
		return ""
	}
	name := names[off:]
	name = name[:min(len(name), maxNameBytes)]
	if i := strings.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return name
}

// findText takes the address on which most functions with a dynamic symbol of the same name agree.
func (fs *functions) findText() (uint64, bool) {
	votes := map[uint64]int{}
	var best uint64
	for i, n := 0, 0; i < len(fs.list) && n < 16; i += max(1, len(fs.list)/512) {
		f := fs.list[i]
		if at, ok := fs.symbols.address(nameAt(fs.names, f.at)); ok && at >= f.addr {
			n++
			votes[at-f.addr]++
			if votes[at-f.addr] > votes[best] {
				best = at - f.addr
			}
		}
	}
	return best, votes[best] > 0
}

// at finds the function that holds an address.
func (fs *functions) at(addr uint64) *function {
	i := sort.Search(len(fs.list), func(i int) bool { return fs.list[i].addr > addr })
	if i == 0 || addr >= fs.list[i-1].addr+fs.list[i-1].size {
		return nil
	}
	fs.name(i - 1)
	return &fs.list[i-1]
}

// byAddr finds the function that begins at an address.
func (fs *functions) byAddr(addr uint64) *function {
	if f := fs.at(addr); f != nil && f.addr == addr {
		return f
	}
	return nil
}
