// Package drift finds functions of which host and plugin have two versions although the fingerprints of their packages agree: a fingerprint covers
// what a package exports and what others inline of it, and no other function's code.
//
// The two files cannot be compared byte by byte. A plugin is compiled with -dynlink, a host is not: one register is not available, and data is
// reached through the global offset table. Up to the register allocator the compiler does the same for both, so a pair of functions is followed
// instruction by instruction, values through registers and the frame, and is the same if both do the same with the same values. Strings,
// constants and callees are compared by what they are. What cannot be followed is said to be undecided.
package drift

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// Finding is a function and what was found of it.
type Finding struct {
	Function string
	Why      string
}

// Result is what a comparison found.
type Result struct {
	Functions int       // that both files have in the packages, and variables that are among the undecided
	Differ    []Finding // of which there are two versions
	Undecided []Finding // of which it cannot be told; variables that hold something else at first are among them
}

// Left reports whether the file has a function of the packages that include names and that done does not hold.
func (c *Code) Left(include func(pkg string) bool, done map[string]bool) bool {
	fs := c.space.functions
	fs.index(include)
	for name := range fs.byName {
		if !done[name] {
			return true
		}
	}
	return false
}

// comparison is a host and a plugin.
type comparison struct {
	host, plugin *space
	dec          decoder
	unit         uint64 // bytes by which instructions are aligned
	taken        map[uint64]taken
	types        map[[2]uint64]answer // of descriptors that were compared
	busy         map[[2]uint64]bool   // data that is being compared
	listings     map[uint64]*listing  // of the plugin's functions
	listedCode   uint64               // bytes in listings
	given        map[uint64]uint64    // registers in which the plugin's functions may return something
	element      string               // the function that hands over the address of an element which may have no size, "" where none does
	steps        int                  // events in all
}

// outLink is the number of words between the stack pointer and the arguments of a call: arm's return address is saved there.
func (c *comparison) outLink() int64 {
	if c.unit == 4 {
		return 1
	}
	return 0
}

// Code is what is read of one file before its functions are compared.
type Code struct{ space *space }

// Read reads a file's functions and symbols. An error means that the file cannot be compared.
func Read(f *goelf.File) (*Code, error) {
	if _, known := gotRelocs[f.Machine]; !known {
		return nil, fmt.Errorf("the instructions of %v are not known", f.Machine)
	}
	s, err := newSpace(f)
	if err != nil {
		return nil, err
	}
	return &Code{s}, nil
}

func newComparison(host, plugin *Code) *comparison {
	c := &comparison{host: host.space, plugin: plugin.space, dec: amd64{}, unit: 1}
	if host.space.file.Machine == elf.EM_ARM {
		c.dec, c.unit = arm{}, 4
	}
	return c
}

// Compare compares the functions that host and plugin both have, of those packages that include names. Both must be for one machine. The host
// may be another plugin. Names that done holds are left out, and those that are compared are added to it: of several files, the first that has a
// function is the one to compare with.
func Compare(host, plugin *Code, include func(pkg string) bool, done map[string]bool) *Result {
	c := newComparison(host, plugin)
	r := &Result{}
	c.host.functions.index(include)
	c.plugin.functions.index(include)
	names := make([]string, 0, len(c.plugin.functions.byName))
	for name := range c.plugin.functions.byName {
		if len(c.host.functions.byName[name]) > 0 && !done[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.Functions++
		done[name] = true
		switch different, doubt := c.named(name); {
		case different != "" && strings.Contains(name, "["): // which code an instance has depends on the package for which it was compiled
			r.Undecided = append(r.Undecided, Finding{name, "an instance of a generic function, which each package that needs it compiles: " + different})
		case different != "":
			r.Differ = append(r.Differ, Finding{name, different})
		case doubt != "":
			r.Undecided = append(r.Undecided, Finding{name, doubt})
		}
	}
	variables := c.variables(include, done)
	r.Functions += len(variables)
	r.Undecided = append(r.Undecided, variables...)
	return r
}

// named compares the functions of one name, of which each file should have one.
func (c *comparison) named(name string) (different, doubt string) {
	x, y := c.host.functions.byName[name], c.plugin.functions.byName[name]
	if len(x) == 1 && len(y) == 1 {
		return c.pair(&c.host.functions.list[x[0]], &c.plugin.functions.list[y[0]])
	}
	doubt = fmt.Sprintf("there are %d and %d of that name", len(x), len(y))
	if len(x) > maxAlike || len(y) > maxAlike {
		return "", doubt
	}
	for _, j := range y { // copies of a closure, one for each place where its function was inlined
		if !slices.ContainsFunc(x, func(i int) bool {
			d, u := c.pair(&c.host.functions.list[i], &c.plugin.functions.list[j])
			return d+u == ""
		}) {
			return "", doubt
		}
	}
	return "", ""
}

// maxAlike bounds the functions of one name that are compared with each other.
const maxAlike = 8

// pair compares two functions.
func (c *comparison) pair(f, g *function) (different, doubt string) {
	w := &walk{c: c, fn: [2]*function{f, g}}
	if different, doubt = w.run(); different+doubt != "" && c.sameCode(f, g) {
		return "", ""
	}
	if different != "" && (strings.HasSuffix(f.name, ".abi0") || f.name == "runtime.udiv") { // arm's has a calling convention of its own, not ABI0
		return "", "assembly: " + different
	}
	return different, doubt
}

// SameBytes reports whether two functions that the dynamic symbols name are the same but for where they lead: functions of which nothing more
// is understood, such as C's.
func SameBytes(host, plugin *Code, a, b goelf.Symbol) bool {
	c := newComparison(host, plugin)
	return a.Size != 0 && c.sameCode(&function{name: a.Name, addr: a.Value, size: a.Size}, &function{name: b.Name, addr: b.Value, size: b.Size})
}

// sameCode reports whether the bytes are the same but for where they lead. It serves where instructions are not understood.
func (c *comparison) sameCode(f, g *function) bool {
	if f.size != g.size || f.size > 1<<20 {
		return false
	}
	x, y := c.host.bytesAt(f.addr, int(f.size)), c.plugin.bytesAt(g.addr, int(g.size))
	if len(x) != len(y) || uint64(len(x)) != f.size {
		return false
	}
	for i := 0; i < len(x); i++ {
		if x[i] == y[i] {
			continue
		}
		done := c.leads(f.addr, g.addr, x, y, i)
		if done == 0 {
			return false
		}
		i += done - 1
	}
	return c.sameReferences(f, g, x, y)
}

// sameReferences checks where instructions lead of which the bytes may be the same by chance: in two plugins of one layout they are.
func (c *comparison) sameReferences(f, g *function, x, y []byte) bool {
	for i := uint64(0); i < uint64(len(x)); {
		a, b := c.dec.decode(x[i:], f.addr+i), c.dec.decode(y[i:], g.addr+i)
		if a.kind == kindBad || b.kind == kindBad {
			i += c.unit
			continue
		}
		if len(a.src) != len(b.src) {
			return false
		}
		for k := range a.src {
			s, t := a.src[k], b.src[k]
			if s.kind != argMem || !s.abs || a.kind == kindNop {
				continue
			}
			p, q := c.host.wrap(uint64(s.disp)), c.plugin.wrap(uint64(t.disp))
			if c.unit == 4 && c.host.file.Type == c.plugin.file.Type {
				return false // literals are counted from instructions
			}
			if c.samePlace(place{addr: p}, place{addr: q}) == yes || a.kind != kindLEA && !a.store && s.size > 0 && c.host.constant(p) && c.plugin.constant(q) && c.sameWords(p, q, uint64(s.size), 1) == yes {
				continue
			}
			if u, ok := c.plugin.pointer(q); ok && c.plugin.inGOT(q) && a.kind != kindLEA {
				if v, ok := c.host.pointer(p); ok && c.samePlace(v, u) == yes {
					continue
				}
			}
			if c.unit == 4 && p >= f.addr && p < f.addr+f.size {
				continue // a literal, whose bytes were compared
			}
			return false
		}
		if a.target != 0 && (a.target < f.addr || a.target >= f.addr+f.size) && c.samePlace(c.host.through(place{addr: a.target}), c.plugin.through(place{addr: b.target})) != yes {
			return false
		}
		i = a.next - f.addr
	}
	return true
}

// leads explains a differing byte: four bytes around it are a distance that leads to the same place in both files. It returns how many bytes
// from i on are explained.
func (c *comparison) leads(a, b uint64, x, y []byte, i int) int {
	for j := i; j > i-4 && j >= 0; j-- {
		if j+4 > len(x) {
			continue
		}
		p := a + uint64(j) + 4 + uint64(int64(int32(binary.LittleEndian.Uint32(x[j:]))))
		q := b + uint64(j) + 4 + uint64(int64(int32(binary.LittleEndian.Uint32(y[j:]))))
		if c.host.mapped(p) && c.plugin.mapped(q) && c.samePlace(c.host.through(place{addr: p}), c.plugin.through(place{addr: q})) == yes {
			return j + 4 - i
		}
	}
	return 0
}

// packageOf is the import path in a function's name: what stands before the first dot after the last slash outside brackets. Dots in the path's last
// element are written "%2e" by the compiler.
func packageOf(name string) string {
	name = strings.TrimPrefix(name, "type:.eq.")
	name = strings.TrimPrefix(name, "type:.hash.")
	if i := strings.IndexAny(name, "[("); i > 0 {
		name = name[:i]
	}
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(name[:slash+1+dot], "%2e", ".")
}
