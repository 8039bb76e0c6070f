package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plugproof/plugproof/results"
)

// Style says how text is laid out.
type Style struct {
	Width  int  // columns; 0 means as wide as it gets
	Colour bool // SGR colours around the status
}

var header = []string{"project", "arch", "go", "rebuild", "predicted", "loaded", "status"}

// The columns by their place in header.
const (
	colProject = 0
	colStatus  = 6
	minProject = 20 // columns; the project is cut no shorter than this
	minStatus  = 20 // the same for the status, of which the section below the table says more
)

// Text writes the table, the notes, then why each row is not as expected, then one line of totals.
func (r Report) Text(w io.Writer, st Style) error {
	var b strings.Builder
	if len(r.Rows) > 0 {
		r.table(&b, st)
	}
	r.notes(&b, st)
	r.why(&b, st)
	b.WriteString(r.Summary())
	b.WriteByte('\n')
	if r.Changed != "" {
		b.WriteString("changed: " + clean(r.Changed) + "\n")
	}
	for _, l := range r.LeftOut {
		b.WriteString(clean(l.String()) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Report) table(b *strings.Builder, st Style) {
	lines := [][]string{header}
	for _, row := range r.Rows {
		lines = append(lines, row.columns())
	}
	widths := make([]int, len(header))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	if st.Width > 0 && total > st.Width {
		over := total - st.Width
		less := min(over, max(0, widths[colProject]-minProject))
		widths[colProject] -= less
		widths[colStatus] = max(minStatus, widths[colStatus]-(over-less))
	}
	for n, l := range lines {
		for i, c := range l {
			c = cut(c, widths[i])
			if i == colStatus {
				if n > 0 {
					c = st.paint(r.Rows[n-1].State, c)
				}
				b.WriteString(c)
				break
			}
			b.WriteString(c)
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2))
		}
		b.WriteByte('\n')
	}
}

// columns of the row's line. A step that was not planned is "-".
func (row Row) columns() []string {
	c := row.Cell
	gos := c.HostGo
	if c.PluginGo != c.HostGo {
		gos += "+" + c.PluginGo
	}
	cols := []string{clean(c.Project), clean(c.Arch), clean(gos), "-", "-", "-", row.status()}
	for _, s := range row.Steps {
		switch s.Step {
		case results.Rebuild:
			cols[3] = s.verdict()
		case results.ABI:
			cols[4] = s.verdict()
		case results.Load:
			cols[5] = s.verdict()
		}
	}
	return cols
}

func (s Step) verdict() string {
	switch {
	case s.Record == nil:
		return string(s.State)
	case s.Record.Verdict != "":
		return clean(s.Record.Verdict)
	}
	return clean(string(s.Record.Status))
}

// status is "as expected", or the first step that is not, and how.
func (row Row) status() string {
	for _, s := range row.Steps {
		if s.State != row.State || s.State == results.AsExpected {
			continue
		}
		switch {
		case s.Record != nil && s.State == results.Inconclusive:
			text := string(s.Step) + ": " + string(s.Record.Status)
			if s.Record.Reason != "" {
				text += ", " + s.Record.Reason
			}
			return cut(clean(text), 48)
		case s.Conflict != "":
			return string(s.Step) + ": records contradict each other"
		case s.Record != nil && s.Record.Expected != "" && s.Record.Expected != s.Record.Verdict:
			return clean(string(s.Step) + ": expected " + s.Record.Expected)
		}
		return clean(string(s.Step) + ": " + string(s.State))
	}
	if row.State == results.AsExpected && row.predicted() {
		return "as predicted"
	}
	return string(row.State)
}

// predicted reports whether nobody said what the load should come to, and it did not load: prediction and machine agree, which
// is all that is known to be well.
func (row Row) predicted() bool {
	for _, s := range row.Steps {
		if s.Step == results.ABI && s.Record != nil && s.Record.Expected == "predicted" && s.Record.Verdict != "ok" {
			return true
		}
	}
	return false
}

func (st Style) paint(s results.State, text string) string {
	if !st.Colour {
		return text
	}
	code := "33" // yellow: incomplete
	switch s {
	case results.AsExpected:
		code = "32"
	case results.NotAsExpected:
		code = "31"
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Summary is one line of counts, cost and machines.
func (r Report) Summary() string {
	t := r.Totals
	parts := []string{fmt.Sprintf("%s: %d as expected", count(t.Cells, "cell"), t.AsExpected)}
	if t.NotAsExpected > 0 {
		parts = append(parts, fmt.Sprintf("%d not as expected", t.NotAsExpected))
	}
	if t.Incomplete > 0 {
		parts = append(parts, fmt.Sprintf("%d incomplete", t.Incomplete))
	}
	if len(r.Other) > 0 {
		parts = append(parts, count(len(r.Other), "record")+" outside the plan")
	}
	line := strings.Join(parts, ", ")
	line += fmt.Sprintf("; %s, %.1f s, %.1f s CPU%s, %s", count(t.Steps, "step"), t.Seconds, t.CPU, t.CPUParts, count(t.Boots, "boot"))
	for _, m := range t.Machines {
		line += "; " + m.String()
	}
	return line
}

// String is " (build 12.0, restore 3.1, load 4.2)", or empty: the phases in their order, then those that this version does not know.
func (p Parts) String() string {
	var parts []string
	for _, phase := range slices.Concat(results.Phases, slices.Sorted(maps.Keys(p))) {
		seconds, ok := p[phase]
		text := fmt.Sprintf("%s %.1f", clean(phase), seconds)
		if ok && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// String is the machine in a few words.
func (m Machine) String() string {
	return clean(fmt.Sprintf("%s on Linux %s, QEMU %s %s", m.Arch, orUnknown(m.Kernel), orUnknown(m.QEMU), orUnknown(m.Accelerator)))
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
