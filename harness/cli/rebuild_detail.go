package cli

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// details says in text what was varied and what was not, and what building again showed. The JSON document has it in the records.
func (a *app) details(c store.Contents) error {
	if a.json {
		return nil
	}
	var out strings.Builder
	said := map[string]bool{}
	for _, r := range c.Records {
		if r.Rebuild == nil {
			continue
		}
		text := variedText(r.Rebuild)
		if !said[text] {
			said[text] = true
			fmt.Fprintf(&out, "\n%s", text)
		}
		for _, q := range r.Rebuild.Inquiries {
			out.WriteString(inquiryText(r.Cell.String(), q))
		}
	}
	return a.print(printable(out.String()))
}

func variedText(d *results.RebuildDetail) string {
	var names, not, left []string
	for _, v := range d.Varied {
		names = append(names, v.Name)
	}
	for _, n := range d.NotVaried {
		if name, ok := strings.CutSuffix(n, ": "+build.LeftOut); ok {
			left = append(left, name)
		} else {
			not = append(not, n)
		}
	}
	var out strings.Builder
	if len(names) == 0 {
		names = []string{"nothing"}
	}
	fmt.Fprintf(&out, "varied: %s\n", strings.Join(names, ", "))
	for _, n := range not {
		fmt.Fprintf(&out, "not varied: %s\n", n)
	}
	if len(left) > 0 {
		fmt.Fprintf(&out, "not asked for: %s\n", strings.Join(left, ", "))
	}
	return out.String()
}

func inquiryText(cell string, q results.Inquiry) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s of %s, by %s more:\n", q.Subject, cell, plural(q.Builds, "build"))
	line := func(format string, args ...any) { fmt.Fprintf(&out, "  "+format+"\n", args...) }
	if q.Steady != nil && !*q.Steady {
		line("two builds in the same surroundings differ, too")
	}
	for _, g := range q.Groups {
		set := strings.Join(g.Variations, " and ")
		if len(g.Variations) > 0 {
			what := map[bool]string{true: "minimal", false: "not shown to be minimal"}[g.Minimal]
			line("%s makes a difference (%s)", set, what)
		}
		for _, k := range g.Causes {
			text := "  cause " + k.ID
			if k.Proven {
				text += ", proven"
			}
			if k.Action != "" {
				text += "; first action that differs: " + k.Action
				if k.Input != "" {
					text += ", by " + k.Input
				}
				if k.Cascade > 0 {
					text += fmt.Sprintf("; %s follow", plural(k.Cascade, "other"))
				}
			}
			line("%s", text)
			if k.Fix != nil {
				line("  fix: %s (a pair built with it came out equal)", k.Fix.Text)
			} else {
				line("  no known fix%s", upstreamText(k.Upstream))
			}
		}
	}
	if q.Met {
		line("with all of that set back, the hashes of both sides meet")
	}
	if q.Short != "" {
		line("it ended early: %s", q.Short)
	}
	if q.Fix != nil && len(q.Groups) > 1 {
		line("together: %s (a pair built with it came out equal)", q.Fix.Text)
	}
	if s := q.Against; s != nil {
		switch {
		case s.Equal:
			line("side a is what was shipped, %s", s.SHA256.Short())
		case len(s.Settles) > 0:
			line("the shipped bytes come out with %s", strings.Join(s.Settles, ", "))
		default:
			line("side a is not what was shipped, and nothing that was tried is: %s", strings.Join(s.Tried, ", "))
		}
	}
	return out.String()
}

func upstreamText(issues []string) string {
	if len(issues) == 0 {
		return ""
	}
	return ", see " + strings.Join(issues, ", ")
}

// printable shows control characters as U+FFFD: names and flags come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// variationsPage is the page of help on what can be varied: the table as it is.
func variationsPage() string {
	var out strings.Builder
	out.WriteString("Side b of a twin build differs from side a in what is on. The default set, marked *, is what a correct build survives.\n" +
		"--vary is read from left to right: +NAME is on, -NAME off, @NAME on with the table's value, NAME=VALUE on with another;\n" +
		"all and default stand for several. What cannot be varied on this machine is listed by each run.\n\n")
	for _, v := range vary.All() {
		mark, values := " ", ""
		if v.Default {
			mark = "*"
		}
		if v.A != "" && v.B != "" {
			values = fmt.Sprintf(" (%s, %s)", v.A, v.B)
		}
		if v.TakesValue() {
			values += ", takes a value"
		}
		fmt.Fprintf(&out, "%s %-12s %s%s\n", mark, v.Name, v.What, values)
		if v.Changes != "" {
			fmt.Fprintf(&out, "  %-12s builds that are well may differ by it: %s\n", "", v.Changes)
		}
	}
	return out.String()
}
