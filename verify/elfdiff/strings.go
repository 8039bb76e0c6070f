package elfdiff

import (
	"debug/elf"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxKnown bounds what is said beside an unknown cause.
const maxKnown = 20

// maxText bounds the text around a difference that is looked at, in bytes to either side.
const maxText = 256

// setCauses names the values that -ldflags=-X set: by the symbols that the linker makes of them, and by what the build information
// has of the flags.
func (c *comparison) setCauses(a, b *facts) []namedCause {
	x, y := c.a.linkStrings(), c.b.linkStrings()
	type value struct {
		v, w     string
		inA, inB bool
		symbol   string
	}
	set := map[string]value{}
	for _, name := range sortedKeys(x, y) {
		variable := mainName(strings.TrimSuffix(name, ".str"), a, b)
		s := value{symbol: name}
		s.v, s.inA = x[name]
		s.w, s.inB = y[name]
		set[variable] = s
	}
	recorded := a.settings["-ldflags"] != b.settings["-ldflags"] && a.settings["-trimpath"] == b.settings["-trimpath"]
	if recorded {
		f, g := ParseLinkFlags(a.settings["-ldflags"]), ParseLinkFlags(b.settings["-ldflags"])
		for _, variable := range sortedKeys(f.Set, g.Set) {
			if _, ok := set[variable]; !ok {
				s := value{}
				s.v, s.inA = f.Set[variable]
				s.w, s.inB = g.Set[variable]
				set[variable] = s
			}
		}
	}
	var out []namedCause
	for _, variable := range sortedKeys(set, nil) {
		s := set[variable]
		if s.v == s.w && s.inA == s.inB {
			continue
		}
		n := namedCause{Cause: Cause{ID: valueCause(variable, s.v, s.w, s.inA && s.inB), Evidence: fmt.Sprintf("-X %s is %s and %s", variable, orNone(s.v, s.inA), orNone(s.w, s.inB))}}
		own := strings.TrimSuffix(s.symbol, ".str")
		n.scope.places = func(e Evidence) bool {
			return recorded && inBuildInfo(e, "-ldflags") || e.Symbol != "" && (e.Symbol == s.symbol || e.Symbol == own)
		}
		if what := shapeNames[n.ID]; what != "" {
			n.Guess = true
			n.Evidence += ", which has the shape of " + what
		}
		out = append(out, n)
	}
	return out
}

// mainName calls a variable of a main package as -X does.
func mainName(variable string, a, b *facts) string {
	for _, f := range []*facts{a, b} {
		for _, p := range []string{f.path, f.importPath()} {
			if rest, ok := strings.CutPrefix(variable, p+"."); ok && p != "" {
				return "main." + rest
			}
		}
	}
	return variable
}

// linkStrings are the values that the linker's -X made: it writes symbol pkg.name.str (cmd/link/internal/ld/data.go, addstrdata).
func (im *image) linkStrings() map[string]string {
	out := map[string]string{}
	var found []symbol
	variables := map[string]bool{}
	for _, y := range im.table() {
		if y.typ() != elf.STT_OBJECT || !y.defined() {
			continue
		}
		s := im.secs[min(int(y.shndx), len(im.secs)-1)]
		if strings.HasSuffix(y.name, ".str") && y.size > 0 && y.size <= 1<<16 && !strings.HasPrefix(y.name, "runtime.") && s.Flags&(elf.SHF_WRITE|elf.SHF_EXECINSTR) == 0 {
			found = append(found, y)
			variables[strings.TrimSuffix(y.name, ".str")] = false
		}
	}
	for _, y := range im.table() {
		if _, ok := variables[y.name]; ok && y.typ() == elf.STT_OBJECT && y.size == uint64(2*im.word) {
			variables[y.name] = true // of string type
		}
	}
	f := im.facts()
	for _, y := range found {
		variable := strings.TrimPrefix(strings.TrimSuffix(y.name, ".str"), "local.")
		if !variables[strings.TrimSuffix(y.name, ".str")] || f.standard(packageOf(variable)) || strings.HasPrefix(variable, "cmd/") { // the toolchain's own
			continue
		}
		if b, err := im.ReadAddr(y.value, y.size); err == nil {
			out[strings.TrimPrefix(y.name, "local.")] = strings.TrimRight(string(b), "\x00")
		}
	}
	return out
}

func sortedKeys[V any](x, y map[string]V) []string {
	var keys []string
	for k := range x {
		keys = append(keys, k)
	}
	for k := range y {
		if _, ok := x[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// textCauses looks for times and build directories in differing text that -X did not set.
func (c *comparison) textCauses(a, b *facts) []namedCause {
	if a.path != b.path || a.importPath() != b.importPath() {
		return nil // two things, not two builds of one
	}
	linked := c.a.linkStrings()
	type group struct {
		evidence string
		at       map[Evidence]bool
	}
	groups := map[string]*group{}
	for _, e := range c.out.evidence {
		if e.Verdict != Data || inBuildInfo(e) || e.OffsetA < 0 || e.OffsetB < 0 || e.A == "" || e.B == "" || e.Structure != "" || e.Section == ".go.module" || strings.HasPrefix(e.Section, ".dyn") {
			continue
		}
		if _, ok := linked[e.Symbol]; ok {
			continue
		}
		id, v, w := c.textShape(e, a.importPath())
		if id == "" {
			continue
		}
		g := groups[id]
		if g == nil {
			g = &group{evidence: fmt.Sprintf("%q and %q in %s, which have the shape of %s", v, w, e.Section, shapeNames[id]), at: map[Evidence]bool{}}
			groups[id] = g
		}
		g.at[e] = true
	}
	var out []namedCause
	for _, id := range []string{"embedded-time", "embedded-path"} {
		if g := groups[id]; g != nil {
			if n := len(g.at); n > 1 {
				g.evidence += fmt.Sprintf(" (%d places)", n)
			}
			out = append(out, namedCause{Cause{ID: id, Evidence: g.evidence, Guess: true}, scope{places: func(e Evidence) bool { return g.at[e] }}})
		}
	}
	return out
}

// textShape finds a time or a path that covers the difference in both files. In the data Go's strings stand without separators, so
// that only a C string, with zeros around it, is known to end where it does.
func (c *comparison) textShape(e Evidence, pkg string) (id, v, w string) {
	dx, dy := c.a.contents(c.a.section(e.Section)), c.b.contents(c.b.section(e.Section))
	x, i := printable(dx, e.OffsetA)
	y, j := printable(dy, e.OffsetB)
	ofC := delimited(dx, e.OffsetA) && delimited(dy, e.OffsetB)
	var shapes []*regexp.Regexp
	if ofC { // the forms of __DATE__, __TIME__ and __TIMESTAMP__
		shapes = append(shapes, cStampShape, cDateShape, clockShape)
	}
	p, q := covering(momentShape, x, i), covering(momentShape, y, j)
	if c.sameInputs() {
		shapes = append(shapes, momentShape)
	} else if p != "" && p[0] >= '0' && p[0] <= '9' { // 2026-01-02 03:04:05 is not what the C compiler writes
		shapes = nil
	}
	if !c.sameInputs() && clockMade(p, q) && len(c.rep.Known) < maxKnown {
		c.rep.Known = append(c.rep.Known, fmt.Sprintf("times differ in %s, %q and %q: a generated file may have them, or an edit", e.Section, p, q))
	}
	for _, s := range shapes {
		if p, q := covering(s, x, i), covering(s, y, j); clockMade(p, q) {
			return "embedded-time", p, q
		}
	}
	p, q = covering(pathShape, x, i), covering(pathShape, y, j)
	if (ofC || c.rep.Proof == ProofMask) && p != "" && q != "" && buildDirs(p, q) && ofProject(p, q, pkg) {
		return "embedded-path", p, q
	}
	return "", "", ""
}

// sameInputs reports whether the main package's inputs are equal, by the second part of the go command's build ID: then no edit changed it.
func (c *comparison) sameInputs() bool {
	x, y := strings.Split(c.a.facts().buildID, "/"), strings.Split(c.b.facts().buildID, "/")
	return len(x) == 4 && len(y) == 4 && x[1] == y[1]
}

// clockMade reports whether two different times may both have been read from a clock: people write full minutes, one time of day for
// several dates, and the layouts of Go's package time, which are of the year 2006.
func clockMade(p, q string) bool {
	if p == "" || q == "" || p == q || strings.Contains(p+q, "2006") {
		return false
	}
	if x, y := clockShape.FindString(p), clockShape.FindString(q); x != "" && (x == y || roundClocks(p, q)) {
		return false
	}
	x, y := digits(p), digits(q)
	return len(x) < 14 || len(y) < 14 || x[8:14] != y[8:14] && !(x[12:14] == "00" && y[12:14] == "00")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// ofProject reports whether two paths lead to one source file, or end like the package's import path, from different directories.
func ofProject(p, q, pkg string) bool {
	if strings.HasSuffix(p, "/") != strings.HasSuffix(q, "/") {
		return false
	}
	p, q = strings.TrimSuffix(p, "/"), strings.TrimSuffix(q, "/")
	n := commonEnd(p, q)
	if n == 0 {
		return false
	}
	tail := strings.TrimPrefix(p[len(p)-n:], "/")
	switch path.Ext(tail) {
	case ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".go", ".s", ".S", ".y", ".l":
		return true
	}
	return ends(pkg, tail) || slices.Contains(strings.Split(pkg, "/"), path.Base(tail))
}

// printable is the run of printable ASCII around off, cut at maxText, and off's place in it.
func printable(b []byte, off int64) (string, int) {
	if off < 0 || off >= int64(len(b)) {
		return "", 0
	}
	lo, hi := int(off), int(off)
	for lo > 0 && int(off)-lo < maxText && b[lo-1] >= 0x20 && b[lo-1] < 0x7f {
		lo--
	}
	for hi < len(b) && hi-int(off) < maxText && b[hi] >= 0x20 && b[hi] < 0x7f {
		hi++
	}
	return string(b[lo:hi]), int(off) - lo
}

// delimited reports whether the printable run around off is a string of C: zeros stand before and after it.
func delimited(b []byte, off int64) bool {
	s, i := printable(b, off)
	lo := off - int64(i)
	hi := lo + int64(len(s))
	return s != "" && hi < int64(len(b)) && b[hi] == 0 && (lo == 0 || b[lo-1] == 0)
}

func covering(shape *regexp.Regexp, s string, at int) string {
	for _, m := range shape.FindAllStringIndex(s, -1) {
		if m[0] <= at && at < m[1] {
			return s[m[0]:m[1]]
		}
	}
	return ""
}
