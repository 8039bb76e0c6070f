package elfdiff

import (
	"debug/elf"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Shapes of values that builds embed. They are guesses, and said to be. In the data Go's strings stand without separators, so there
// only unmistakable times and paths below the usual roots count.
var (
	timeShape = regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +\d{0,2} ?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ \d:APM]*( [A-Z]{2,5})?( \d{4})?` +
		`|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2},? \d{4}( \d\d:\d\d:\d\d)?` +
		`|(19|20)\d\d-[01]\d-[0-3]\d([T _]\d\d[:.]?\d\d([:.]?\d\d)?([.,]\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?)?` +
		`|(19|20)\d\d[01]\d[0-3]\d([-T_]?\d{4,6}Z?)?` +
		`|\b\d\d:\d\d:\d\d\b` +
		`|\b1[4-9]\d{8}(\d{3}){0,3}(\.\d+)?\b`)
	textTime = regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +\d{0,2} ?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ \d:APM]*( [A-Z]{2,5})?( \d{4})?` +
		`|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2},? \d{4}( \d\d:\d\d:\d\d)?` +
		`|(19|20)\d\d-[01]\d-[0-3]\d[T _]\d\d[:.]?\d\d([:.]?\d\d)?([.,]\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?` +
		`|\b\d\d:\d\d:\d\d\b`)
	textPath  = regexp.MustCompile(`/(home|root|tmp|usr|var|opt|build|builds|builddir|src|Users|mnt|srv|data|go|nix|workspace|private)(/[A-Za-z0-9._@+~-]+)+`)
	pathShape = regexp.MustCompile(`/[A-Za-z0-9._@+~-]+(/[A-Za-z0-9._@+~-]+)+/?`)
	hostName  = regexp.MustCompile(`(?i)host|node|machine|builder`)
	hostShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// maxText bounds the text around a difference that is looked at, in bytes to either side.
const maxText = 256

// stringCauses looks at values that -ldflags=-X set, and at text in the data.
// Text that nothing names is left alone where a cause was found that may change any byte.
func (c *comparison) stringCauses(text bool) []namedCause {
	var out []namedCause
	if c.out.worst < Data {
		return nil
	}
	x, y := c.a.linkStrings(), c.b.linkStrings()
	for _, name := range sortedKeys(x, y) {
		v, inA := x[name]
		w, inB := y[name]
		if v == w && inA == inB {
			continue
		}
		variable := strings.TrimSuffix(name, ".str")
		n := namedCause{Cause: Cause{ID: "ldflags", Evidence: fmt.Sprintf("-X %s is %s and %s", variable, orNone(v, inA), orNone(w, inB))},
			scope: scope{places: func(e Evidence) bool { return e.Symbol == name || e.Symbol == variable }}}
		if inA && inB {
			if id := shapeOf(v, w, variable); id != "" {
				n.ID, n.Guess = id, true
				n.Evidence += ", which has the shape of " + shapeNames[id]
			}
		}
		out = append(out, n)
	}
	if text {
		out = append(out, c.embedded(x)...)
	}
	return out
}

var shapeNames = map[string]string{"embedded-time": "a time", "embedded-path": "a path", "embedded-host": "a host name"}

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
	for _, y := range found {
		if !variables[strings.TrimSuffix(y.name, ".str")] {
			continue
		}
		if b, err := im.ReadAddr(y.value, y.size); err == nil {
			out[strings.TrimPrefix(y.name, "local.")] = strings.TrimRight(string(b), "\x00")
		}
	}
	return out
}

func sortedKeys(x, y map[string]string) []string {
	var keys []string
	for k := range merged(x, y) {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// shapeOf guesses what two values of one variable are. Both must have the shape and be equal beside it.
func shapeOf(v, w, variable string) string {
	switch {
	case sameBut(timeShape, v, w):
		return "embedded-time"
	case sameBut(pathShape, v, w):
		return "embedded-path"
	case hostName.MatchString(variable[strings.LastIndexByte(variable, '.')+1:]) && hostShape.MatchString(v) && hostShape.MatchString(w) && len(v) < 254 && len(w) < 254:
		return "embedded-host"
	}
	return ""
}

// sameBut reports whether both have a part of the shape and are equal once those parts are blanked.
func sameBut(shape *regexp.Regexp, v, w string) bool {
	if !shape.MatchString(v) || !shape.MatchString(w) {
		return false
	}
	return shape.ReplaceAllString(v, "\x00") == shape.ReplaceAllString(w, "\x00")
}

// embedded looks for times and paths in differing text outside the variables that -X set.
func (c *comparison) embedded(linked map[string]string) []namedCause {
	type group struct {
		evidence string
		at       map[Evidence]bool
		n        int
	}
	groups := map[string]*group{}
	for _, e := range c.out.evidence {
		if e.Verdict != Data || inBuildInfo(e) || e.OffsetA < 0 || e.OffsetB < 0 || e.A == "" || e.B == "" || e.Structure != "" || e.Section == ".go.module" || strings.HasPrefix(e.Section, ".dyn") {
			continue
		}
		if _, ok := linked[e.Symbol]; ok {
			continue
		}
		id, v, w := c.textShape(e)
		if id == "" {
			continue
		}
		g := groups[id]
		if g == nil {
			g = &group{evidence: fmt.Sprintf("%q and %q in %s, which have the shape of %s", v, w, e.Section, shapeNames[id]), at: map[Evidence]bool{}}
			groups[id] = g
		}
		g.at[e] = true
		g.n++
	}
	var out []namedCause
	for _, id := range []string{"embedded-time", "embedded-path"} {
		if g := groups[id]; g != nil {
			if g.n > 1 {
				g.evidence += fmt.Sprintf(" (%d places)", g.n)
			}
			out = append(out, namedCause{Cause{ID: id, Evidence: g.evidence, Guess: true}, scope{places: func(e Evidence) bool { return g.at[e] }}})
		}
	}
	return out
}

// textShape finds a time or a path that covers the difference in both files.
func (c *comparison) textShape(e Evidence) (id, v, w string) {
	if a, b := c.a.facts(), c.b.facts(); a.path != b.path || (a.info != nil && b.info != nil && a.info.Path != b.info.Path) {
		return "", "", "" // two things, not two builds of one
	}
	x, i := printable(c.a.contents(c.a.section(e.Section)), e.OffsetA)
	y, j := printable(c.b.contents(c.b.section(e.Section)), e.OffsetB)
	for _, s := range []struct {
		id    string
		shape *regexp.Regexp
	}{{"embedded-time", textTime}, {"embedded-path", textPath}} {
		if s.id == "embedded-path" && c.rep.Proof != ProofMask && !(delimited(c.a.contents(c.a.section(e.Section)), e.OffsetA) && delimited(c.b.contents(c.b.section(e.Section)), e.OffsetB)) {
			continue // what follows a path may be another string
		}
		p, q := covering(s.shape, x, i), covering(s.shape, y, j)
		if p != "" && q != "" && p != q && !strings.Contains(p+q, "2006") { // Go's own layouts are of that year
			return s.id, p, q
		}
	}
	return "", "", ""
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
