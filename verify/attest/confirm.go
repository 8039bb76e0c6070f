package attest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// A Finding is what a rebuild has against a statement.
type Finding struct {
	Cell       string `json:"cell"`
	Subject    string `json:"subject"` // "host", "plugin.0", ...; "" is the whole cell
	Package    string `json:"package"` // the subject as plugproof.toml spells it, "./plugins/greet"; "" when no record says
	Text       string `json:"text"`
	Incomplete bool   `json:"incomplete"` // it was not found out
}

// Confirm holds the records of a rebuild that was made here against the statement. compared counts the hosts and plugins of which both
// say something; where the statement's twins were equal, the bytes must be theirs, and where they differed, they must differ here.
func (s Statement) Confirm(fresh []results.Record) (compared int, found []Finding) {
	here := map[results.CellID]results.Record{}
	for _, r := range fresh {
		if r.Step == results.Rebuild {
			here[r.CellID] = r
		}
	}
	seen := false
	for _, then := range s.Records {
		if then.Step != results.Rebuild || then.Status == results.Skip {
			continue
		}
		seen = true
		now, ok := here[then.CellID]
		if !ok {
			found = append(found, Finding{Cell: then.Cell.String(), Text: "it was not rebuilt here: the project's plan has no such cell", Incomplete: true})
			continue
		}
		n, f := confirm(then, now)
		compared += n
		found = append(found, f...)
	}
	if !seen {
		found = append(found, Finding{Text: "the statement says of nothing that it was rebuilt", Incomplete: true})
	}
	return compared, found
}

func confirm(then, now results.Record) (compared int, found []Finding) {
	cell := then.Cell.String()
	if now.Status == results.Error || now.Status == results.Skip {
		return 0, []Finding{{Cell: cell, Text: "it could not be rebuilt here: " + now.Reason, Incomplete: true}}
	}
	why := inputs(then.Inputs, now.Inputs)
	names := pairs(then.Artifacts)
	for _, n := range pairs(now.Artifacts) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		if then.Verdict != now.Verdict {
			return 1, []Finding{{Cell: cell, Text: fmt.Sprintf("stated as %s, and here it is %s%s", then.Verdict, now.Verdict, why)}}
		}
		return 1, nil
	}
	for _, n := range names {
		a, b := twins(then.Artifacts, n)
		x, y := twins(now.Artifacts, n)
		text := ""
		switch {
		case a == "" || b == "":
			text = fmt.Sprintf("the statement names no twins of it (%s), and here there are", then.Verdict)
		case x == "" || y == "":
			text = fmt.Sprintf("it was stated, and here nothing came out (%s)", now.Verdict)
		case a == b && x != y:
			text = fmt.Sprintf("its twins were equal, %s, and here they differ%s", a.Short(), causes(now))
		case a == b && x != a:
			text = fmt.Sprintf("it was %s, and here it is %s%s", a.Short(), x.Short(), why)
		case a != b && x == y:
			text = fmt.Sprintf("its twins differed, and here they are equal%s", why)
		}
		compared++
		if text != "" {
			found = append(found, Finding{Cell: cell, Subject: n, Package: packageOf(then, n), Text: text})
		}
	}
	return compared, found
}

// packageOf is the package of "plugin.N": a record of a rebuild lists the host and then the plugins in the project's order.
func packageOf(r results.Record, artifact string) string {
	digits, ok := strings.CutPrefix(artifact, "plugin.")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 {
		return ""
	}
	for _, x := range r.Subjects {
		if x.Name == "host" {
			continue
		}
		if n--; n < 0 {
			return x.Name
		}
	}
	return ""
}

// pairs are the names of which there is a side a.
func pairs(list []results.Artifact) (names []string) {
	for _, a := range list {
		if n, ok := strings.CutSuffix(a.Name, ".a"); ok {
			names = append(names, n)
		}
	}
	return names
}

func twins(list []results.Artifact, name string) (a, b results.Digest) {
	for _, x := range list {
		switch x.Name {
		case name + ".a":
			a = x.SHA256
		case name + ".b":
			b = x.SHA256
		}
	}
	return a, b
}

// inputs names what was put in and is not the same.
func inputs(then, now results.Inputs) string {
	var differ []string
	for _, x := range put(then, now) {
		switch {
		case x.then == "" || x.now == "":
			differ = append(differ, x.name+" may be another")
		case x.then != x.now:
			differ = append(differ, fmt.Sprintf("%s: %s there, %s here", x.name, x.then.Short(), x.now.Short()))
		}
	}
	if len(differ) == 0 {
		return "; sources and tools are the same"
	}
	return "; " + strings.Join(differ, ", ")
}

// input is something that builds depend on, there and here.
type input struct {
	name      string
	many      bool // grammar
	then, now results.Digest
}

func put(then, now results.Inputs) []input {
	return []input{
		{"the project's sources", true, then.Sources, now.Sources},
		{"the host's Go", false, then.HostGo, now.HostGo},
		{"the plugins' Go", false, then.PluginGo, now.PluginGo},
		{"the C toolchain", false, then.CC, now.CC},
		{"the libc", false, then.Libc, now.Libc},
	}
}

func causes(r results.Record) string {
	var ids []string
	for _, c := range r.Causes {
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ": " + strings.Join(ids, ", ")
}
