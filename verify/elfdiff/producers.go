package elfdiff

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"path"
	"strings"
)

// maxDWARF bounds the debugging information that is decompressed to find compilers' names, in bytes.
const maxDWARF = 64 << 20

// producers are the C compilers' own words in a file (DW_AT_producer), by the source file's base name: the compiler's version. GCC
// would write its flags, too, but for -gno-record-gcc-switches, which the go command gives it.
type producers struct {
	c     map[string]string
	other bool // there are units of another language
}

func (im *image) producers() (p producers, ok bool) {
	p.c = map[string]string{}
	err := im.CompileUnits(maxDWARF, func(e *dwarf.Entry) bool {
		if e.Tag != dwarf.TagCompileUnit {
			return true
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		producer, _ := e.Val(dwarf.AttrProducer).(string)
		if strings.HasPrefix(producer, "GNU C") || strings.Contains(producer, "clang") {
			base := path.Base(name)
			if p.c[base] != "" && p.c[base] != producer {
				producer = "" // two files of one name
			}
			p.c[base] = producer
		} else if producer != "" && !strings.HasPrefix(producer, "GNU AS") {
			p.other = true
		}
		return true
	})
	return p, err == nil
}

// compilerCauses compares what the C compiler says of itself in files of the same names.
func (c *comparison) compilerCauses(a, b *facts) []namedCause {
	if !a.dwarf || !b.dwarf || c.sameSection(".debug_info") && c.sameSection(".debug_str") {
		return c.runtimeC(a, b)
	}
	x, okX := c.a.producers()
	y, okY := c.b.producers()
	if !okX || !okY {
		return nil
	}
	const runtimeC = "gcc_libinit.c" // of runtime/cgo, which every plugin has
	// Without .comment Go's own linker may have linked, which leaves C's debugging information out.
	if _, inA := x.c[runtimeC]; x.other && y.other && a.comment != "" && a.comment == b.comment {
		if _, inB := y.c[runtimeC]; inA != inB {
			return []namedCause{{Cause{ID: "cgo-flags", Evidence: fmt.Sprintf("only %s has debugging information of C code, runtime/cgo's included: the C compiler was given -g on one side", sideOf(inA))}, scope{all: true}}}
		}
	}
	for _, name := range sortedKeys(x.c, y.c) {
		v, w := x.c[name], y.c[name]
		if v == w || v == "" || w == "" {
			continue
		}
		return []namedCause{{Cause{ID: "cc-identity", Evidence: fmt.Sprintf("%s was compiled by %q and %q", name, v, w)}, scope{all: true}}}
	}
	return c.runtimeC(a, b)
}

// runtimeC looks at the C functions of runtime/cgo. They are the Go release's own, so where most of them have another length, by a
// compiler of one name and libc of one kind, it was given other flags.
func (c *comparison) runtimeC(a, b *facts) []namedCause {
	if a.comment != b.comment || a.libc() != b.libc() || a.goVersion() == "" || a.goVersion() != b.goVersion() {
		return nil
	}
	own := func(name string) bool { return strings.HasPrefix(name, "x_cgo_") && !strings.Contains(name, ".") }
	other, all := c.resizedFuncs(own), map[string]bool{}
	for _, y := range c.a.table() {
		if own(y.name) && y.typ() == elf.STT_FUNC && y.size > 0 {
			all[y.name] = true
		}
	}
	if len(other) < 5 || 2*len(other) < len(all) {
		return nil
	}
	return []namedCause{{Cause{ID: "cgo-flags", Evidence: fmt.Sprintf("%d of %d C functions of runtime/cgo have another length, %s first, though Go and the C compiler are the same", len(other), len(all), other[0])}, scope{all: true}}}
}

// sameSection reports whether both have a section with the same bytes, or neither.
func (c *comparison) sameSection(name string) bool {
	x, y := c.a.section(name), c.b.section(name)
	return x == nil && y == nil || x != nil && y != nil && c.sameContents(x, y)
}

func sideOf(a bool) string {
	if a {
		return "A"
	}
	return "B"
}
