package elfdiff

import (
	"fmt"
	"slices"
	"strings"
)

// Lines of each list in a short text.
const (
	shortEvidence = 10
	shortSymbols  = 3
)

// Text shows a report to people: the verdict, the causes, ten lines of evidence; everything if all is set.
func Text(r *Report, all bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Verdict)
	fmt.Fprintf(&b, "  A %s %s %d bytes%s\n", clean(r.A.Path), r.A.SHA256[:min(12, len(r.A.SHA256))], r.A.Size, builtWith(r.A))
	fmt.Fprintf(&b, "  B %s %s %d bytes%s\n", clean(r.B.Path), r.B.SHA256[:min(12, len(r.B.SHA256))], r.B.Size, builtWith(r.B))
	if r.Identical {
		return b.String()
	}
	fmt.Fprintf(&b, "  %s\n", proofText[r.Proof])
	if r.Mask != nil {
		fmt.Fprintf(&b, "  masked sha256 %s, %d range%s\n", r.Mask.SHA256[:12], len(r.Mask.Ranges), map[bool]string{true: "", false: "s"}[len(r.Mask.Ranges) == 1])
	}
	fmt.Fprintf(&b, "  %d bytes differ, %d explained by a named cause", r.Bytes.Differing, r.Bytes.Explained)
	if r.Bytes.Moved > 0 {
		fmt.Fprintf(&b, "; %d of them only follow from something moving", r.Bytes.Moved)
	}
	b.WriteString("\n")
	for _, c := range r.Causes {
		guess := ""
		if c.Guess {
			guess = " (a guess by its shape)"
		}
		fmt.Fprintf(&b, "cause %s%s", c.ID, guess)
		if c.Evidence != "" {
			fmt.Fprintf(&b, ": %s", clean(c.Evidence))
		}
		b.WriteString("\n")
		switch {
		case c.Fix != "" && c.Proven:
			fmt.Fprintf(&b, "  fix: %s\n", clean(c.Fix))
		case c.Fix != "":
			fmt.Fprintf(&b, "  what may cure it (not proved here): %s\n", clean(c.Fix))
		}
	}
	if !all && len(r.Causes) > 0 && r.Causes[0].ID == "unknown" { // its evidence says what is known
	} else {
		for _, k := range r.Known {
			fmt.Fprintf(&b, "known: %s\n", clean(k))
		}
	}
	textEvidence(&b, r, all)
	if all {
		for _, s := range r.Sections {
			fmt.Fprintf(&b, "section %s: %d bytes differ, %d moved, %s\n", orHeader(s.Name), s.Differing, s.Moved, s.Verdict)
		}
	}
	if !all {
		b.WriteString(symbolLine(r.Symbols))
		return b.String()
	}
	for _, l := range []struct {
		what  string
		names []string
	}{{"added", r.Symbols.Added}, {"removed", r.Symbols.Removed}, {"changed", r.Symbols.Changed}, {"resized", r.Symbols.Resized}} {
		textSymbols(&b, l.what, l.names)
	}
	if r.Symbols.Moved > 0 {
		fmt.Fprintf(&b, "symbols moved: %d\n", r.Symbols.Moved)
	}
	if r.Mask != nil {
		fmt.Fprintf(&b, "mask: sha256 %s of either file with these ranges zeroed\n", r.Mask.SHA256)
		for _, m := range r.Mask.Ranges {
			fmt.Fprintf(&b, "  %#x+%d %s\n", m.Offset, m.Bytes, m.Verdict)
		}
	}
	return b.String()
}

var proofText = map[Proof]string{
	ProofMask:      "nothing moved: the files are equal once the places below are zeroed",
	ProofStructure: "compared by section, symbol, relocation target and line table, for the layouts differ",
	ProofHeader:    "the ELF headers differ",
}

func builtWith(f FileInfo) string {
	s := ""
	for _, v := range []string{f.Go, f.Machine, f.Libc} {
		if v != "" {
			s += ", " + clean(v)
		}
	}
	return s
}

// textEvidence prints the gravest places first; within a class those of Go's own packages last, and what one file has behind what both have.
func textEvidence(b *strings.Builder, r *Report, all bool) {
	list := slices.Clone(r.Evidence)
	slices.SortStableFunc(list, func(x, y Evidence) int {
		if x.Verdict != y.Verdict {
			return int(y.Verdict) - int(x.Verdict)
		}
		if c := boolCmp(isGos(packageOf(x.Symbol)), isGos(packageOf(y.Symbol))); c != 0 {
			return c
		}
		return boolCmp((x.A == "") != (x.B == ""), (y.A == "") != (y.B == ""))
	})
	n := len(list)
	if !all {
		n = min(n, shortEvidence)
	}
	for _, e := range list[:n] {
		fmt.Fprintf(b, "%s %s", e.Verdict, orHeader(e.Section))
		switch {
		case e.OffsetA >= 0:
			fmt.Fprintf(b, "+%#x", e.OffsetA)
		case e.OffsetB >= 0:
			fmt.Fprintf(b, "+%#x in B", e.OffsetB)
		}
		if e.Symbol != "" {
			fmt.Fprintf(b, " %s", clean(e.Symbol))
		}
		if e.Package != "" && !strings.HasSuffix(e.Symbol, "."+e.Package) {
			fmt.Fprintf(b, " of %s", clean(e.Package))
		}
		if e.Structure != "" {
			fmt.Fprintf(b, " (%s)", clean(e.Structure))
		}
		fmt.Fprintf(b, ": %d bytes", e.Bytes)
		if e.A != "" || e.B != "" {
			fmt.Fprintf(b, ", %s and %s", orNothing(e.A), orNothing(e.B))
		}
		b.WriteString("\n")
	}
	if n < len(list) {
		fmt.Fprintf(b, "and %d more places; -v shows all\n", len(list)-n)
	}
}

// symbolLine sums the symbols up: "symbols: 2 changed (main.Number, main.init), 14 moved".
func symbolLine(y Symbols) string {
	var parts []string
	for _, l := range []struct {
		what  string
		names []string
	}{{"added", y.Added}, {"removed", y.Removed}, {"changed", y.Changed}} {
		if len(l.names) == 0 {
			continue
		}
		shown := l.names[:min(len(l.names), shortSymbols)]
		more := ""
		if len(shown) < len(l.names) {
			more = ", ..."
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s%s)", len(l.names), l.what, clean(strings.Join(shown, ", ")), more))
	}
	if y.Moved > 0 {
		parts = append(parts, fmt.Sprintf("%d moved", y.Moved))
	}
	if len(parts) == 0 {
		return ""
	}
	return "symbols: " + strings.Join(parts, ", ") + "\n"
}

func textSymbols(b *strings.Builder, what string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "symbols %s: %d\n", what, len(names))
	for _, s := range names {
		fmt.Fprintf(b, "  %s\n", clean(s))
	}
}

func orHeader(section string) string {
	if section == "" {
		return "(no section)"
	}
	return clean(section)
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return clean(s)
}

// clean keeps text from a file from steering a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '\uFFFD'
		}
		return r
	}, s)
}
