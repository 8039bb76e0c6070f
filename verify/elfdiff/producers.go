package elfdiff

import (
	"debug/dwarf"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxDWARF bounds the debugging information that is decompressed to find compilers' names, in bytes.
const maxDWARF = 64 << 20

// maxUnits bounds the compile units that are looked at.
const maxUnits = 1 << 16

// producers are the C compilers' own words in a file (DW_AT_producer), by the source file's base name: GCC writes its version and
// those of its flags that change code.
type producers struct {
	c     map[string]string
	other bool // there are units of another language
}

func (im *image) producers() (p producers, ok bool) {
	p.c = map[string]string{}
	d, err := im.DWARF(maxDWARF)
	if err != nil {
		return p, false
	}
	r := d.Reader()
	for n := 0; n < maxUnits; n++ {
		e, err := r.Next()
		if err != nil {
			return p, false
		}
		if e == nil {
			return p, true
		}
		if e.Tag == dwarf.TagCompileUnit {
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
		}
		r.SkipChildren()
	}
	return p, false
}

// compilerCauses compares what the C compiler says of itself in files of the same names.
func (c *comparison) compilerCauses(a, b *facts) []namedCause {
	if !a.dwarf || !b.dwarf {
		return nil
	}
	x, okX := c.a.producers()
	y, okY := c.b.producers()
	if !okX || !okY {
		return nil
	}
	const runtimeC = "gcc_libinit.c" // of runtime/cgo, which every plugin has
	if _, inA := x.c[runtimeC]; x.other && y.other {
		if _, inB := y.c[runtimeC]; inA != inB {
			return []namedCause{{Cause{ID: "cgo-flags", Evidence: fmt.Sprintf("only %s has debugging information of C code, runtime/cgo's included: the C compiler was given -g on one side", sideOf(inA))}, scope{all: true}}}
		}
	}
	for _, name := range sortedKeys(x.c, y.c) {
		v, w := x.c[name], y.c[name]
		if v == w || v == "" || w == "" {
			continue
		}
		cv, fv := cutCompiler(v)
		cw, fw := cutCompiler(w)
		if cv != cw {
			return []namedCause{{Cause{ID: "cc-identity", Evidence: fmt.Sprintf("%s was compiled by %q and %q", name, cv, cw)}, scope{all: true}}}
		}
		if a.comment == b.comment {
			onlyA, onlyB := onlyIn(fv, fw), onlyIn(fw, fv)
			return []namedCause{{Cause{ID: "cgo-flags", Evidence: fmt.Sprintf("%s was compiled with %s and %s", name, flagList(onlyA), flagList(onlyB))}, scope{all: true}}}
		}
	}
	return nil
}

func sideOf(a bool) string {
	if a {
		return "A"
	}
	return "B"
}

func flagList(flags []string) string {
	if len(flags) == 0 {
		return "nothing"
	}
	return strings.Join(flags, " ")
}

// cutCompiler parts "GNU C17 12.2.0 -mtune=generic -g -O2" into the compiler and its flags.
func cutCompiler(producer string) (compiler string, flags []string) {
	words := strings.Fields(producer)
	i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") })
	if i < 0 {
		return producer, nil
	}
	return strings.Join(words[:i], " "), words[i:]
}
