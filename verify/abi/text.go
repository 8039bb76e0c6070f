package abi

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Text is the report for people: a line per plugin, then why, then every differing package by module.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "host %s: %s, %s, %s\n", clean(r.Host.Path), text(r.Host.Go), text(r.Host.Libc), r.Host.Arch)
	width := 0
	for i := range r.Plugins {
		width = max(width, len(r.Plugins[i].word()))
	}
	for i := range r.Plugins {
		p := &r.Plugins[i]
		fmt.Fprintf(&b, "%-*s  %s", width, p.word(), clean(p.Path))
		if p.Error != nil {
			fmt.Fprintf(&b, "  %s", clean(*p.Error))
		}
		switch {
		case p.Undecided != nil:
			b.WriteString("  (counts as abort: it may kill the host)")
		case p.KillsHost:
			b.WriteString("  (kills the host)")
		}
		b.WriteByte('\n')
	}
	for i := range r.Plugins {
		r.Plugins[i].why(&b)
	}
	if r.Orders != nil {
		r.Orders.text(&b)
	}
	for _, l := range r.Limits {
		fmt.Fprintf(&b, "limit: %s\n", clean(l))
	}
	return b.String()
}

// word is the verdict for people. What is undecided has the gravest one, abort, in JSON and for whatever counts verdicts.
func (p *Plugin) word() string {
	if p.Undecided != nil {
		return "undecided"
	}
	return string(p.Verdict)
}

func (p *Plugin) why(b *strings.Builder) {
	if p.Cause == nil && len(p.Mismatches) == 0 && p.Code == nil && len(p.beyond()) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", clean(p.Path))
	if p.Cause != nil {
		fmt.Fprintf(b, "  cause: %s: %s\n", p.Cause.ID, clean(p.Cause.Evidence))
		about := p.Cause.ID
		if about == "unknown" {
			about = p.word()
		}
		fmt.Fprintf(b, "  what to do: plugproof explain %s\n", about)
	}
	if n := len(p.Mismatches); n > 0 {
		fmt.Fprintf(b, "  differing packages: %d\n", n)
	}
	for _, g := range group(p.Mismatches) {
		first := g[0]
		by := "host"
		if first.Owner != "" {
			by = "earlier " + clean(first.Owner)
		}
		fmt.Fprintf(b, "  %s: %s %s, plugin %s\n", clean(text(first.Module)), by, clean(text(first.Host.Version)), clean(text(first.Plugin.Version)))
		for _, d := range g {
			fmt.Fprintf(b, "    %s %s %s\n", d.Host.Hash, d.Plugin.Hash, clean(d.Package))
		}
	}
	if more := p.beyond(); len(more) > 0 {
		fmt.Fprintf(b, "  requires: %s\n", clean(strings.Join(more, ", ")))
	}
	if p.Code != nil {
		p.Code.text(b)
	}
}

// beyond is what a plugin requires beyond what Go's default level does.
func (p *Plugin) beyond() []string {
	return slices.DeleteFunc(slices.Clone(p.Requires), func(s string) bool { return strings.HasPrefix(s, "GOARM=7") })
}

// maxListed bounds the undecided functions and the packages that the text names; JSON has all.
const maxListed = 10

func (c *Code) text(b *strings.Builder) {
	list := strings.Join(c.Packages[:min(len(c.Packages), maxListed)], ", ")
	if n := len(c.Packages) - maxListed; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	if len(c.Packages) > 0 {
		fmt.Fprintf(b, "  no checksum shows that host and plugin have the same source of: %s\n", clean(list))
	}
	if c.Note != nil {
		fmt.Fprintf(b, "  undecided whether the process would run two versions of their functions: %s\n", clean(*c.Note))
		b.WriteString("    meaning: the plugin opens all the same; whether host and plugin have the same code of these packages was not found out\n")
		b.WriteString("    to do: build both from the same source with the same flags, or ask again with the host's file; plugproof verify, which has the sources, decides\n")
	}
	if c.Sources != nil {
		fmt.Fprintf(b, "  packages compiled from two versions of their source: %s\n", clean(strings.Join(c.Sources, ", ")))
	}
	for _, f := range c.Differ {
		fmt.Fprintf(b, "  two versions of %s: %s\n", clean(f.Name), clean(f.Why))
	}
	if len(c.Differ) > 0 {
		b.WriteString("    meaning: the plugin opens all the same; then the process has both versions, and which one runs depends on who calls and how\n")
		b.WriteString("    where: +0x... counts bytes from the beginning of the function, in the host and in the plugin (go tool objdump -s NAME FILE)\n")
		b.WriteString("    to do: build host and plugin from the same source of these packages\n")
	}
	for i, f := range c.Undecided {
		if i == maxListed {
			fmt.Fprintf(b, "  undecided: %d more\n", len(c.Undecided)-i)
			break
		}
		fmt.Fprintf(b, "  undecided: %s: %s\n", clean(f.Name), clean(f.Why))
	}
	if len(c.Undecided) > 0 {
		b.WriteString("    meaning: the two files differ there in a way of which they do not tell whether it comes from the source: neither the same nor different\n")
		b.WriteString("    to do: build host and plugin from the same source of these packages; plugproof verify, which has the sources, decides\n")
	}
	if same := c.Functions - len(c.Differ) - len(c.Undecided); c.Functions > 0 {
		fmt.Fprintf(b, "  so their functions were compared: the same code in %d of %d\n", same, c.Functions)
	} else if c.Note == nil {
		b.WriteString("  there is no function of them that both have\n")
	}
	b.WriteString("  taken to be the same: the standard library of one Go version, modules of one checksum\n")
}

// group puts the differences of one module and one owner together, in the order in which the runtime meets them.
func group(diffs []Difference) [][]Difference {
	var out [][]Difference
	at := map[[2]string]int{}
	for _, d := range diffs {
		key := [2]string{text(d.Module), d.Owner}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out
}

func text(s *string) string {
	if s == nil {
		return "unknown"
	}
	return *s
}

// clean keeps names from files from writing lines or terminal sequences of their own.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func (o *Orders) text(b *strings.Builder) {
	b.WriteByte('\n')
	for _, p := range o.Pairs {
		fmt.Fprintf(b, "order: %s after %s: %s instead of %s%s\n", clean(p.Second), clean(p.First), p.Verdict, p.Alone, clean(suffix(p.Error)))
	}
	if o.Safe != nil {
		fmt.Fprintf(b, "safe order: %s\n", clean(strings.Join(o.Safe, " ")))
		return
	}
	if o.Proof == nil {
		b.WriteString("no order in which all open was found; there may be one, for not every order was tried\n")
		return
	}
	b.WriteString("no order in which all open:\n")
	for _, s := range o.Proof {
		fmt.Fprintf(b, "  %s\n", clean(s))
	}
}
