package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/plugproof/plugproof/results"
)

// shown is how many names of a list are written out.
const shown = 8

// Text is the comparison for people: one line for each thing that changed.
func (c Comparison) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(clean(fmt.Sprintf(format, args...)) + "\n") }
	var names []string
	for _, g := range c.Gos {
		names = append(names, g.String())
	}
	head := "the same Gos"
	switch {
	case len(names) > 0:
		head = strings.Join(names, ", ")
	case slices.ContainsFunc(c.Inputs, func(i InputChange) bool { return strings.HasPrefix(i.Input, "go ") }):
		head = "Gos of the same names"
	}
	line("%s: %s compared", head, count(c.Pairs, "cell"))
	for _, s := range c.Unpaired.From {
		line("only in %s: %s", c.From.Run, s)
	}
	for _, s := range c.Unpaired.To {
		line("only in %s: %s", c.To.Run, s)
	}
	for _, i := range c.Inputs {
		line("another %s in %s: %s -> %s", i.Input, count(i.Steps, "step"), short(i.From), short(i.To))
	}
	for _, cell := range c.Cells {
		name := cell.From
		if cell.To != cell.From {
			name += " -> " + cell.To
		}
		for _, s := range cell.Steps {
			line("%s: %s: %s -> %s", name, s.Step, s.From, s.To)
			for _, sub := range s.Subjects {
				line("  %s: %s %s -> %s %s", sub.Name, sub.From.word(), quoted(sub.FromText), sub.To.word(), quoted(sub.ToText))
			}
			for _, id := range s.NewCauses {
				line("  new cause: %s", id)
			}
			for _, id := range s.GoneCauses {
				line("  no longer: %s", id)
			}
		}
	}
	if c.Unknown > 0 {
		line("%s without evidence on one side or on both: whether they changed is not known", count(c.Unknown, "step"))
	}
	if len(c.Cells) == 0 && c.Pairs > 0 && c.Unknown == 0 {
		line("every verdict, outcome and cause is the same")
	}
	for _, l := range c.Layouts {
		line("module data, %s, %s: %s", l.Arch, l.Gos, l.words())
	}
	for _, p := range c.Packages {
		line("fingerprints of %s, %s, %s: %d changed (%d of the standard library), %d the same%s%s%s", p.Subject, p.Arch, p.Gos, len(p.Changed), p.Std, p.Same,
			some("; changed", p.Changed), some("; new", p.Added), some("; gone", p.Removed))
	}
	for _, f := range c.Files {
		line("size of %s in %s, %s: %d -> %d bytes (%+d)%s", f.Subject, f.Cell, f.Gos, f.Size[0], f.Size[1], f.Size[1]-f.Size[0], f.largest())
	}
	return b.String()
}

func (l Layout) words() string {
	var parts []string
	if l.Size[0] != l.Size[1] {
		parts = append(parts, fmt.Sprintf("%s -> %s bytes", known(l.Size[0]), known(l.Size[1])))
	}
	if l.PkgHashes[0] != l.PkgHashes[1] {
		parts = append(parts, fmt.Sprintf("pkghashes at %s -> %s", known(l.PkgHashes[0]), known(l.PkgHashes[1])))
	}
	for _, f := range l.Added {
		parts = append(parts, fmt.Sprintf("+%s %s", f.Name, f.Type))
	}
	for _, f := range l.Removed {
		parts = append(parts, fmt.Sprintf("-%s %s", f.Name, f.Type))
	}
	if n := len(l.Moved); n > 0 {
		parts = append(parts, fmt.Sprintf("%s moved, the first is %s (%d -> %d)", count(n, "field"), l.Moved[0].Name, l.Moved[0].From.Offset, l.Moved[0].To.Offset))
	}
	for _, f := range l.Retyped {
		parts = append(parts, fmt.Sprintf("%s %s -> %s", f.Name, f.From.Type, f.To.Type))
	}
	if l.Unknown {
		parts = append(parts, "the fields are not known on both sides")
	}
	return strings.Join(parts, ", ")
}

// largest are the sections that grew or shrank most.
func (f FileChange) largest() string {
	var parts []string
	change := func(s SectionChange) int64 { return int64(s.Size[1]) - int64(s.Size[0]) }
	sorted := slices.Clone(f.Sections)
	slices.SortStableFunc(sorted, func(a, b SectionChange) int {
		return cmp.Compare(max(change(b), -change(b)), max(change(a), -change(a)))
	})
	for _, s := range sorted {
		if d := change(s); !strings.HasPrefix(s.Name, ".debug_") && (d > 1024 || d < -1024) {
			parts = append(parts, fmt.Sprintf("%s %+d", s.Name, d))
		}
	}
	return some(":", parts)
}

// String is "fail mismatch".
func (o Outcome) String() string { return strings.TrimSpace(o.Verdict + " (" + string(o.State) + ")") }

// word is the verdict, or that there is none because nothing is there.
func (o Outcome) word() string {
	if o.State == results.Missing {
		return string(o.State)
	}
	return o.Verdict
}

func some(what string, list []string) string {
	switch {
	case len(list) == 0:
		return ""
	case len(list) > shown:
		return fmt.Sprintf("%s %s and %d more", what, strings.Join(list[:shown], ", "), len(list)-shown)
	}
	return what + " " + strings.Join(list, ", ")
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func known(n uint64) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprint(n)
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("(%s)", s)
}

func short(s string) string {
	if rest, ok := strings.CutPrefix(s, "sha256:"); ok && len(rest) > 12 {
		return rest[:12]
	}
	if s == "" {
		return "unknown"
	}
	return s
}

// clean keeps what comes from outside from writing lines or terminal sequences of its own.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}
