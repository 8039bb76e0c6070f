package elfdiff

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"
)

// structBuildInfo begins the structure of a place in Go's build information; a key follows.
const structBuildInfo = "go.buildinfo"

// buildInfoLine says which line of the build information's text (debug/buildinfo) the byte at off belongs to: "go.buildinfo vcs.time".
// What stands before the text is the Go version.
func buildInfoLine(b []byte, off int) string {
	if off < 0 || off >= len(b) {
		return structBuildInfo
	}
	lo := bytes.LastIndexByte(b[:off], '\n') + 1
	hi := off + bytes.IndexByte(b[off:], '\n')
	if hi < off {
		hi = len(b)
	}
	line := string(b[lo:hi])
	if i := strings.Index(line, "path\t"); i > 0 { // the first line: before it stand the version and a mark of 16 bytes
		if n := lo + i - off; n > 0 { // before the text stand its mark of 16 bytes and its length, and before these the version
			if n > 16+3 {
				return structBuildInfo + " go"
			}
			return structBuildInfo
		}
		line = line[i:]
	}
	kind, rest, ok := strings.Cut(line, "\t")
	if !ok {
		return structBuildInfo
	}
	switch kind {
	case "path":
		return structBuildInfo + " path"
	case "mod", "dep", "=>":
		p, _, _ := strings.Cut(rest, "\t")
		return structBuildInfo + " " + kind + " " + p
	case "build":
		k, _, _ := strings.Cut(rest, "=")
		return structBuildInfo + " " + k
	}
	return structBuildInfo
}

// buildInfoKeys are all that build information says, by key.
func buildInfoKeys(bi *debug.BuildInfo) map[string]string {
	out := map[string]string{"go": bi.GoVersion, "path": bi.Path}
	module := func(kind string, m *debug.Module) {
		for ; m != nil; kind, m = "=>", m.Replace {
			if m.Path != "" {
				out[kind+" "+m.Path] = strings.TrimSpace(m.Version + " " + m.Sum)
			}
		}
	}
	module("mod", &bi.Main)
	for _, d := range bi.Deps {
		module("dep", d)
	}
	for _, s := range bi.Settings {
		out[s.Key] = s.Value
	}
	return out
}

// compareBuildInfo compares the build information key by key. total is how many bytes of its section differ; bytes that no key
// accounts for belong to lengths and to the order.
func (c *comparison) compareBuildInfo(s *section, total int64) {
	a, b := c.a.facts(), c.b.facts()
	e := Evidence{Verdict: Data, Section: s.Name, Structure: structBuildInfo, Bytes: total}
	if a.info == nil || b.info == nil {
		c.out.add(e, s.tallyFlags())
		return
	}
	x, y := buildInfoKeys(a.info), buildInfoKeys(b.info)
	left := total
	for _, k := range sortedKeys(x, y) {
		v, inA := x[k]
		w, inB := y[k]
		if v == w && inA == inB {
			continue
		}
		d := Evidence{Verdict: Data, Section: s.Name, Structure: structBuildInfo + " " + k, A: quoteIf(v, inA), B: quoteIf(w, inB), Bytes: nameBytes(v, w)}
		if inA != inB {
			d.Bytes = int64(len(k) + len(v) + len(w) + 8)
		}
		if !inA {
			d.OffsetA = -1
		}
		if !inB {
			d.OffsetB = -1
		}
		d.Bytes = min(d.Bytes, left)
		left -= d.Bytes
		c.out.add(d, s.tallyFlags())
	}
	switch {
	case left == total:
		c.out.add(e, s.tallyFlags())
	case left > 0:
		c.out.addMoved(s.Name, left, s.tallyFlags())
	}
}

func quoteIf(v string, there bool) string {
	if !there {
		return ""
	}
	if v == "" {
		return `""`
	}
	return excerpt([]byte(v))
}

// splitAt cuts a stretch of n bytes at the places in cuts that lie inside it, counted from its beginning.
func splitAt(d span, cuts []int, differs func(int) bool) []span {
	if len(cuts) == 0 {
		return []span{d}
	}
	var out []span
	lo := 0
	for _, hi := range append(slices.Clone(cuts), d.n) {
		p := span{off: d.off + lo, n: hi - lo}
		lo = hi
		first, last := -1, -1
		for i := range p.n {
			if differs(p.off + i) {
				if p.bytes++; first < 0 {
					first = i
				}
				last = i
			}
		}
		if first >= 0 {
			out = append(out, span{p.off + first, last - first + 1, p.bytes})
		}
	}
	return out
}
