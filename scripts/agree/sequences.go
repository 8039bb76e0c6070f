package main

import (
	"fmt"
	"math/rand"
	"path"
	"strings"
)

// sequence is one process: a host and the plugins that it opens in order. Files are named by recipe; "go1.25.3/p1.so" is another Go's,
// "amd64-glibc/go1.26.8/p1.so" another target's. "./" before a name and "abs:" are other spellings of the same path.
type sequence struct {
	target  target
	goName  string // the host's
	what    string
	host    string
	plugins []string
}

func (s sequence) String() string {
	return fmt.Sprintf("%s %s %s: %s", s.target, s.goName, s.what, strings.Join(append([]string{s.host}, s.plugins...), " "))
}

// ref is a name in a sequence, taken apart.
type ref struct {
	target target
	goName string
	name   string // of a recipe, or of a file that does not exist
}

func (s sequence) ref(name string) ref {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "abs:"), "./")
	r := ref{s.target, s.goName, path.Base(name)}
	words := strings.Split(path.Dir(name), "/")
	if words[0] == "." {
		return r
	}
	r.goName = words[len(words)-1]
	if len(words) == 2 {
		r.target.arch, r.target.libc, _ = strings.Cut(words[0], "-")
	}
	return r
}

// everyGo are the sequences for each Go on each target, host first.
var everyGo = []string{
	"host p1.so p2.so p3.so",
	"host p1.so ./p1.so link.so",
	"host abs:p2.so p2.so p4.so",
	"host-s p1-s.so p2.so p1.so",
	"host p2-bare.so p1.so",
	"host p1-shared.so p1-shared.so p1.so",
	"host p2-shared.so p3.so",
	"host p2.so p3-extra.so",
	"host p3-extra.so p2.so",
	"host p1.so copy.so p2.so",
	"host empty.so text.so absent.so p1.so",
	"host p2.so cut.so p1.so",
	"host libfoo.so p1.so",
	"host p1.so libfoo.so p2.so",
	"host p1.so p2-shared.so libfoo.so",
	"host p5-path.so p5.so p1.so",
	"host pd.v1.so pe-dots.so",
}

// neighbours are for a host of one Go with plugins of another, which OTHER stands for.
var neighbours = []string{
	"host OTHER/p1.so p1.so",
	"host p1.so OTHER/p2.so p2.so",
	"host p1.so OTHER/p1.so OTHER/p2.so p3.so",
	"host p2-shared.so OTHER/p2.so p1.so",
}

// oneGo are for one Go on each target: every flag and every kind of file.
var oneGo = []string{
	"host-strip p1-strip.so p2-bare.so",
	"host-bare p1.so p2-shared.so p3-extra.so",
	"host-pie p1.so p1-shared.so p2.so",
	"host-static p1.so absent.so",
	"host-nocgo p1.so absent.so empty.so",
	"host-race p1-race.so p1.so",
	"host-race p1.so p1-race.so",
	"host p1-race.so p1.so",
	"host-all-l p1-all-l.so p1.so",
	"host-all-l p1.so",
	"host-v3 p1-v3.so p2.so",
	"host p1-v3.so p2.so",
	"host-arm5 p1-arm5.so p1.so",
	"host-arm5 p1.so p1-arm5.so",
	"host p1-arm5.so p1-arm6.so p1.so",
	"host p1-arm6.so",
	"host-paths p1-paths.so p2.so",
	"host-paths p1-paths-other.so",
	"host p1-paths.so p1.so",
	"host p1-x.so p2.so",
	"host p1-main-n.so p2.so",
	"host p1-all-l.so p2.so",
	"host p2-all-n.so p1.so",
	"host p1-cover.so p2.so",
	"host p1-cover-all.so p2.so",
	"host p1-exp.so p2.so",
	"host p1-tag.so p2.so",
	"host p1-tag-unused.so p2.so",
	"host p1-cflags.so p2.so",
	"host cgo.so cgo-cflags.so p1.so",
	"host p1-body.so p2.so",
	"host p1-inline.so p1.so",
	"host p1-top.so",
	"host p1-end.so p2.so",
	"host p1-name.so",
	"host p2-import.so p3.so",
	"host csym.so csym.so p1.so",
	"host needs.so p1.so",
	"host needs-path.so libfoo.so p1.so",
	"host libfoo.so",
	"host p1.so needs-path.so needs.so",
	"host tls.so p1.so",
	"host tls2.so p1.so",
	"host p1.so tls2.so tls.so",
	"host host p1.so",
	"host host-pie p1.so",
	"host-pie host p1.so",
	"host-pie host-pie",
	"host host-static p1.so",
	"host host-nocgo p1.so",
	"host program p1.so",
	"host program-pie p1.so",
	"host p1.so program-pie",
	"host machine.so p2.so",
	"host type.so p2.so",
	"host magic.so p2.so",
	"host short.so lfs.so directory.so p1.so",
	"host cut-early.so",
	"host cut-headers.so p1.so",
	"host cut-late.so p1.so",
	"host p4.so p5.so p3.so p2.so",
	"host p4.so p5-second.so",
	"host p5-second.so p4.so",
	"host p4-extra.so p5.so p2.so",
	"host p4-extra.so p3-extra.so p5-second.so",
	"host p1.so p2-shared.so p4.so",
	"host p2-shared.so p3-extra.so p3.so",
	"host pd.v1.so pe.so p1.so",
	"host pe-dots.so pd.v1.so p2.so",
	"host pd.v1-dots.so pe.so",
	"host unnamed.so p1.so unnamed-p5.so",
	"host unnamed-shared.so unnamed.so unnamed-p5.so",
	"host unnamed.so unnamed-shared.so p2.so",
	"host p5-path.so pe-path.so p1.so",
	"host pe-path.so pe.so p5.so",
	"host pe-path.so p1.so ./pe-path.so",
	"host unnamed-path.so unnamed-p5.so p1.so",
	"host initpanic.so p1.so",
	"host p1.so inithang.so p2.so",
	"host amd64-glibc/p1.so p1.so",
	"host amd64-glibc/cgo.so p1.so",
	"host amd64-musl/p1.so p1.so",
	"host amd64-musl/cgo.so p1.so",
	"host amd64-musl/p1.so amd64-glibc/p1.so arm-musl/p1.so",
	"host arm-musl/p1.so p1.so",
	"host arm-musl/text.so arm-musl/host",
}

// sequence reads a line of the lists above.
func parse(t target, goName, what, line, other string) sequence {
	words := strings.Fields(line)
	s := sequence{target: t, goName: goName, what: what, host: words[0]}
	for _, w := range words[1:] {
		if from, name, ok := strings.Cut(w, "/"); ok && from != "." && from != "OTHER" { // another target's, of the same Go
			w = from + "/" + goName + "/" + name
		}
		s.plugins = append(s.plugins, strings.Replace(w, "OTHER", other, 1))
	}
	return s
}

// fixed are the listed sequences for the given Gos, oldest first; rich are those that get oneGo.
func fixed(gos, rich []string, on []target) []sequence {
	var out []sequence
	add := func(t target, g, what, line, other string) {
		if s := parse(t, g, what, line, other); s.possible() {
			out = append(out, s)
		}
	}
	for _, t := range on {
		for i, g := range gos {
			for _, line := range everyGo {
				add(t, g, "matching", line, "")
			}
			for _, j := range []int{i - 1, i + 1} {
				if j < 0 || j >= len(gos) {
					continue
				}
				for _, line := range neighbours {
					add(t, g, "neighbour", line, gos[j])
				}
			}
		}
		for _, r := range rich {
			for _, line := range oneGo {
				add(t, r, "kinds", line, "")
			}
			for _, line := range linkedLines {
				add(t, r, "linked", line, "")
			}
			for _, line := range afterDamage() {
				add(t, r, "headers", line, "")
			}
		}
	}
	return out
}

// possible reports whether every file makes sense there.
func (s sequence) possible() bool {
	for _, name := range append([]string{s.host}, s.plugins...) {
		r := s.ref(name)
		if rec := recipeOf(r.name); rec != nil && !rec.suits(r.target, minor(r.goName)) {
			return false
		}
	}
	return true
}

// minor is the 26 of "go1.26.8".
func minor(goName string) int {
	n := 0
	fmt.Sscanf(goName, "go1.%d", &n)
	return n
}

// drawn are n random sequences from the files that the fixed ones have built: hosts with two to six plugins, some of other Gos.
func drawn(seed int64, n int, from []sequence) []sequence {
	rnd := rand.New(rand.NewSource(seed))
	type yard struct{ hosts, plugins []string }
	yards := map[target]map[string]*yard{}
	var keys []sequence
	for _, s := range from {
		if yards[s.target] == nil {
			yards[s.target] = map[string]*yard{}
		}
		y := yards[s.target][s.goName]
		if y == nil {
			y = &yard{}
			yards[s.target][s.goName] = y
			keys = append(keys, s)
		}
		y.hosts = append(y.hosts, s.host)
		y.plugins = append(y.plugins, s.plugins...)
	}
	var out []sequence
	for len(out) < n && len(keys) > 0 {
		k := keys[rnd.Intn(len(keys))]
		y := yards[k.target][k.goName]
		s := sequence{target: k.target, goName: k.goName, what: "random", host: y.hosts[rnd.Intn(len(y.hosts))]}
		for range 2 + rnd.Intn(5) {
			s.plugins = append(s.plugins, y.plugins[rnd.Intn(len(y.plugins))])
		}
		out = append(out, s)
	}
	return out
}
