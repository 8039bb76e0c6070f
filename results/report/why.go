package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plugproof/plugproof/results"
)

// why writes a section for each row that is not as expected: which cell, expected what, got what, on what evidence.
func (r Report) why(b *strings.Builder, st Style) {
	p := &paragraph{b: b, width: st.Width}
	for _, row := range r.Rows {
		if row.State == results.AsExpected {
			continue
		}
		p.line(0, fmt.Sprintf("\nwhy %s (cell %s)", row.Cell, row.CellID.Short()))
		if len(row.Steps) == 0 {
			p.line(2, "no step is planned")
		}
		for _, s := range row.Steps {
			if s.State != results.AsExpected {
				s.why(p)
			}
		}
	}
	for i, rec := range r.Other {
		p.line(0, fmt.Sprintf("\nwhy %s (cell %s)", rec.Cell, rec.CellID.Short()))
		if flaw := r.flaws[i]; flaw != "" {
			p.line(2, fmt.Sprintf("%s: %s", rec.Step, flaw))
			continue
		}
		p.line(2, fmt.Sprintf("%s: recorded as %s, but not planned", rec.Step, rec.Status))
	}
	for _, text := range r.Problems {
		p.line(0, "\nwhy the run")
		p.line(2, text)
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
}

func (s Step) why(p *paragraph) {
	if s.Record == nil {
		p.line(2, fmt.Sprintf("%s: planned, and there is no record of it", s.Step))
		return
	}
	r := s.Record
	switch {
	case s.State == results.Inconclusive && r.Reason != "":
		p.line(2, fmt.Sprintf("%s: %s, %s", s.Step, r.Status, r.Reason))
	case s.State == results.Inconclusive:
		p.line(2, fmt.Sprintf("%s: %s", s.Step, r.Status))
	default:
		p.line(2, fmt.Sprintf("%s: expected %s, got %s", s.Step, orUnknown(r.Expected), orUnknown(r.Verdict)))
		if r.Reason != "" {
			p.line(4, r.Reason)
		}
	}
	if s.Conflict != "" {
		text := s.Conflict
		if s.Attempts > 1 {
			text = fmt.Sprintf("%d records contradict each other: %s", s.Attempts, text)
		}
		p.line(4, text)
	}
	for _, sub := range r.Subjects {
		if sub.Status != results.Fail && sub.Status != results.Error {
			continue
		}
		p.line(4, fmt.Sprintf("%s: expected %s, got %s", sub.Name, orUnknown(sub.Expected), orUnknown(sub.Verdict)))
		if sub.Text != "" {
			p.line(6, sub.Text)
		}
	}
	for _, c := range r.Causes {
		p.line(4, causeLine(c))
		if c.Fix != "" {
			p.line(6, "fix: "+c.Fix)
		}
	}
	if r.Log != "" {
		p.line(4, "log: "+r.Log)
	}
}

func causeLine(c results.Cause) string {
	text := "cause: " + c.ID
	if c.Subject != "" {
		text += " in " + c.Subject
	}
	if c.Proven {
		text += ", proven"
	}
	if c.Guess {
		text += " (a guess by its shape)"
	}
	if c.Evidence != "" {
		text += ": " + c.Evidence
	}
	return text
}

// paragraph writes indented text, broken at spaces where it would be wider than width.
type paragraph struct {
	b     *strings.Builder
	width int
}

func (p *paragraph) line(indent int, text string) {
	if rest, ok := strings.CutPrefix(text, "\n"); ok { // an empty line between sections, none at the start
		if p.b.Len() > 0 {
			p.b.WriteByte('\n')
		}
		text = rest
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		p.wrap(indent, clean(l))
	}
}

func (p *paragraph) wrap(indent int, text string) {
	pad := strings.Repeat(" ", indent)
	room := p.width - indent
	if p.width <= 0 || room < 20 {
		p.b.WriteString(strings.TrimRight(pad+text, " ") + "\n")
		return
	}
	column, start, space := 0, 0, -1 // of the line that begins at start: its width so far and its last space
	for i, c := range text {
		if c == ' ' && i > start {
			space = i
		}
		if column++; column > room && space > start { // a long word is left whole, it may be copied
			p.b.WriteString(pad + strings.TrimRight(text[start:space], " ") + "\n")
			start = space + 1
			column, space = utf8.RuneCountInString(text[start:min(len(text), i+utf8.RuneLen(c))]), -1
		}
	}
	p.b.WriteString(strings.TrimRight(pad+text[start:], " ") + "\n")
}

// clean makes outside text safe for a terminal and for XML: control characters and broken UTF-8 are shown as U+FFFD,
// tabs as a space.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r >= 0xfffe && r <= 0xffff:
			return utf8.RuneError
		}
		return r
	}, s)
}

// cut shortens text to n columns, with an ellipsis for what is gone.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
