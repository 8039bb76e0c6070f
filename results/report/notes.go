package report

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// Note is what is to be told of a plugin that is as expected, once for all cells of a project of which it is true.
type Note struct {
	Subject string           `json:"subject"`
	Text    string           `json:"text"`
	Cells   []results.CellID `json:"cells"` // in the order of the plan, at least one
}

// noted are the subjects of a step that have a note and no better place for it: of one that fails the section on its cell says more.
func (s Step) noted() []results.Subject {
	if s.Record == nil {
		return nil
	}
	var list []results.Subject
	for _, sub := range s.Record.Subjects {
		if sub.Note != "" && sub.Status == results.Pass {
			list = append(list, sub)
		}
	}
	return list
}

// notes is a line for each note of the step.
func (s Step) notes() string {
	var lines []string
	for _, sub := range s.noted() {
		lines = append(lines, clean(fmt.Sprintf("note: %s: %s", sub.Name, sub.Note)))
	}
	return strings.Join(lines, "\n")
}

// note adds the notes of a row to those of the report.
func (r *Report) note(row Row, at map[noteKey]int) {
	for _, s := range row.Steps {
		for _, sub := range s.noted() {
			key := noteKey{row.Cell.Project, sub.Name, sub.Note}
			i, ok := at[key]
			if !ok {
				i = len(r.Notes)
				at[key] = i
				r.Notes = append(r.Notes, Note{Subject: sub.Name, Text: sub.Note})
			}
			if n := &r.Notes[i]; len(n.Cells) == 0 || n.Cells[len(n.Cells)-1] != row.CellID {
				n.Cells = append(n.Cells, row.CellID)
			}
		}
	}
}

// noteKey is what notes must have in common to be one.
type noteKey struct{ project, subject, text string }

// notes writes one line for each note.
func (r Report) notes(b *strings.Builder, st Style) {
	if len(r.Notes) == 0 {
		return
	}
	cells := map[results.CellID]results.Cell{}
	for _, row := range r.Rows {
		cells[row.CellID] = row.Cell
	}
	p := &paragraph{b: b, width: st.Width}
	b.WriteByte('\n')
	for _, n := range r.Notes {
		of := cells[n.Cells[0]].String()
		if more := len(n.Cells) - 1; more > 0 {
			of += " and " + count(more, "cell") + " more"
		}
		p.line(0, fmt.Sprintf("note %s, %s: %s", of, n.Subject, n.Text))
	}
}
