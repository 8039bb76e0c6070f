package elfdiff

import (
	"encoding/hex"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// maxEvidence bounds the list of places; counts go on.
const maxEvidence = 20000

// tally collects what differs.
type tally struct {
	worst     Verdict
	differing int64 // set only where counting by section makes no sense
	names     []sectionTally
	index     map[string]int
	evidence  []Evidence
	dropped   int64 // places beyond maxEvidence
}

type sectionTally struct {
	name             string
	alloc, exec      bool
	differing, moved int64
	verdict          Verdict
}

func (t *tally) section(name string, alloc, exec bool) *sectionTally {
	if t.index == nil {
		t.index = map[string]int{}
	}
	i, ok := t.index[name]
	if !ok {
		i = len(t.names)
		t.index[name] = i
		t.names = append(t.names, sectionTally{name: name})
	}
	s := &t.names[i]
	s.alloc, s.exec = s.alloc || alloc, s.exec || exec
	return s
}

// add notes a place that differs and is not merely moved.
func (t *tally) add(e Evidence, flags sectionFlags) {
	t.worst = max(t.worst, e.Verdict)
	s := t.section(e.Section, flags&flagAlloc != 0, flags&flagExec != 0)
	s.differing += e.Bytes
	s.verdict = max(s.verdict, e.Verdict)
	if len(t.evidence) >= maxEvidence {
		t.dropped++
		return
	}
	t.evidence = append(t.evidence, e)
}

// addMoved notes n bytes that differ only because what they lead to moved.
func (t *tally) addMoved(name string, n int64, flags sectionFlags) {
	if n <= 0 {
		return
	}
	s := t.section(name, flags&flagAlloc != 0, flags&flagExec != 0)
	s.differing += n
	s.moved += n
}

func (t *tally) sectionList() []Section {
	list := []Section{}
	for _, s := range t.names {
		list = append(list, Section{Name: s.name, Differing: s.differing, Moved: s.moved, Verdict: s.verdict})
	}
	return list
}

type sectionFlags uint8

const (
	flagAlloc sectionFlags = 1 << iota
	flagExec
)

func (s *section) tallyFlags() (f sectionFlags) {
	if s.alloc() {
		f |= flagAlloc
	}
	if s.exec() {
		f |= flagExec
	}
	return f
}

// excerptLen bounds what is quoted of either side, in bytes.
const excerptLen = 48

// excerpt shows bytes as a quoted string if they read as text, else as hexadecimal.
func excerpt(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	cut := ""
	if len(b) > excerptLen {
		b, cut = b[:excerptLen], "..."
	}
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return hex.EncodeToString(b) + cut
		}
		rest = rest[n:]
	}
	return strconv.Quote(string(b)) + cut
}
