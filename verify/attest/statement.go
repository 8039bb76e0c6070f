package attest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/gate"
	"github.com/plugproof/plugproof/results/store"
)

// The types of the statement and of its predicate.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://github.com/plugproof/plugproof/attestation/run/v1"
)

// Result is what a run came to.
type Result string

// The results. A run in which evidence is missing has none.
const (
	Pass Result = "PASS"
	Fail Result = "FAIL"
)

// Subject names content.
type Subject struct {
	Name   string            `json:"name"`   // the cell's short id, "/", the artifact's name in the records
	Digest map[string]string `json:"digest"` // "sha256" of a file; SourcesDigest where nothing was built
}

// SourcesDigest names the digest of a project's sources in the subjects of a run that built nothing: plugproof's own, of the
// names, modes and contents of all files, and no digest of one file.
const SourcesDigest = "plugproofSources"

// Statement is what is signed.
type Statement struct {
	Subjects []Subject
	Result   Result
	Plan     *results.Plan
	Records  []results.Record
}

// statement is how it is written.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type predicate struct {
	Plan    json.RawMessage   `json:"plan"`    // as in plan.json
	Records []json.RawMessage `json:"records"` // as in records.jsonl
	Result  Result            `json:"result"`
}

// New is the statement of a run. Its error wraps ErrResult where evidence is missing.
func New(plan *results.Plan, records []results.Record) (Statement, error) {
	s := Statement{Plan: plan, Records: slices.Clone(records)}
	for i := range s.Records {
		s.Records[i].Log = "" // the file does not travel
	}
	slices.SortStableFunc(s.Records, func(a, b results.Record) int {
		return cmp.Or(cmp.Compare(a.CellID, b.CellID), cmp.Compare(a.Step, b.Step))
	})
	if plan == nil {
		return s, fmt.Errorf("%w: there is no plan", ErrResult)
	}
	for _, c := range plan.Cells {
		if c.ID != c.Cell.ID() {
			return s, fmt.Errorf("%w: the plan's cell %s is another than its id says", ErrResult, c.Cell)
		}
	}
	for _, r := range s.Records {
		if text := r.Flaw(); text != "" {
			return s, fmt.Errorf("%w: %s", ErrResult, text)
		}
		if text := lacksTwins(r); text != "" {
			return s, fmt.Errorf("%w: %s: %s", ErrResult, r.Cell, text)
		}
	}
	d := gate.Decide(plan, s.Records)
	switch d.Exit {
	case gate.ExitPass:
		s.Result = Pass
	case gate.ExitFinding:
		s.Result = Fail
	default:
		return s, fmt.Errorf("%w: evidence is missing, %s", ErrResult, first(d))
	}
	s.Subjects = subjects(s.Records)
	if len(s.Subjects) == 0 {
		return s, fmt.Errorf("%w: its records name no file and no sources", ErrResult)
	}
	return s, nil
}

// lacksTwins says that a record calls more identical than it holds equal twins of.
func lacksTwins(r results.Record) string {
	if r.Step != results.Rebuild {
		return ""
	}
	said, equal := 0, 0
	for _, s := range r.Subjects {
		if s.Verdict == results.Identical && s.Status != results.Skip {
			said++
		}
	}
	for _, n := range pairs(r.Artifacts) {
		if a, b := twins(r.Artifacts, n); a != "" && a == b {
			equal++
		}
	}
	if said > equal {
		return fmt.Sprintf("%d are said to be identical, and there are equal twins of %d", said, equal)
	}
	return ""
}

// Scope says how much a statement is about: PASS of little is little.
type Scope struct {
	Cells    int      `json:"cells"`
	Projects []string `json:"projects"`
	Arches   []string `json:"arches"`
	Go       []string `json:"go"`
	Steps    []string `json:"steps"`  // that every cell has
	Varied   []string `json:"varied"` // that the sides of every rebuild differed in
}

// Scope of the statement.
func (s Statement) Scope() Scope {
	out := Scope{Cells: len(s.Plan.Cells), Projects: []string{}, Arches: []string{}, Go: []string{}, Steps: []string{}, Varied: []string{}}
	add := func(list *[]string, x string) {
		if !slices.Contains(*list, x) {
			*list = append(*list, x)
		}
	}
	steps, varied, rebuilds := map[string]int{}, map[string]int{}, 0
	for _, c := range s.Plan.Cells {
		add(&out.Projects, c.Cell.Project)
		add(&out.Arches, c.Cell.Arch)
		add(&out.Go, c.Cell.HostGo)
		add(&out.Go, c.Cell.PluginGo)
	}
	for _, r := range s.Records {
		if r.Status == results.Skip {
			continue
		}
		steps[string(r.Step)]++
		if r.Step == results.Rebuild {
			rebuilds++
			if r.Rebuild != nil {
				for _, v := range r.Rebuild.Varied {
					varied[v.Name]++
				}
			}
		}
	}
	for _, x := range []struct {
		from map[string]int
		all  int
		to   *[]string
	}{{steps, out.Cells, &out.Steps}, {varied, rebuilds, &out.Varied}} {
		for name, n := range x.from {
			if n == x.all {
				*x.to = append(*x.to, name)
			}
		}
		slices.Sort(*x.to)
	}
	return out
}

func first(d gate.Decision) string {
	f := d.Findings[0]
	return fmt.Sprintf("%s %s %s: %s", f.Kind, f.Cell, f.Step, f.Text)
}

// subjects are the artifacts of all records, and the sources of cells that have none.
func subjects(records []results.Record) []Subject {
	seen := map[string]bool{}
	out := []Subject{}
	add := func(r results.Record, name, algorithm string, d results.Digest) {
		name = r.CellID.Short() + "/" + name
		if d == "" || seen[name+string(d)] {
			return
		}
		seen[name+string(d)], seen[string(r.CellID)] = true, true
		out = append(out, Subject{name, map[string]string{algorithm: d.Hex()}})
	}
	for _, r := range records {
		for _, a := range r.Artifacts {
			add(r, a.Name, "sha256", a.SHA256)
		}
	}
	for _, r := range records {
		if !seen[string(r.CellID)] {
			add(r, "sources", SourcesDigest, r.Inputs.Sources)
		}
	}
	slices.SortStableFunc(out, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest["sha256"], b.Digest["sha256"]))
	})
	return out
}

// Encode is the payload: canonical JSON in one line, without a newline.
func (s Statement) Encode() ([]byte, error) {
	w := statement{StatementType, s.Subjects, PredicateType, predicate{Result: s.Result, Records: []json.RawMessage{}}}
	var err error
	if w.Predicate.Plan, err = results.Canonical(s.Plan); err != nil {
		return nil, err
	}
	for _, r := range s.Records {
		line, err := results.Canonical(r)
		if err != nil {
			return nil, err
		}
		w.Predicate.Records = append(w.Predicate.Records, line)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(true) // as Canonical does
	if err := enc.Encode(w); err != nil {
		return nil, fmt.Errorf("writing the statement: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Parse reads a payload and works out again what its records come to.
func Parse(payload []byte) (Statement, error) {
	var w statement
	if err := json.Unmarshal(payload, &w); err != nil {
		return Statement{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if w.Type != StatementType || w.PredicateType != PredicateType {
		return Statement{}, fmt.Errorf("%w: its types are %.100q and %.100q", ErrStatement, w.Type, w.PredicateType)
	}
	plan, err := store.ReadPlan(bytes.NewReader(w.Predicate.Plan))
	if err != nil {
		return Statement{}, fmt.Errorf("%w: its plan: %w", ErrStatement, err)
	}
	records, torn, err := store.ReadRecords(bytes.NewReader(lines(w.Predicate.Records)))
	if err != nil || torn != 0 {
		return Statement{}, fmt.Errorf("%w: its records: %w", ErrStatement, err)
	}
	s, err := New(plan, records)
	if err != nil {
		return s, err
	}
	if s.Result != w.Predicate.Result {
		return s, fmt.Errorf("%w: it says %.20q, and its records come to %s", ErrResult, w.Predicate.Result, s.Result)
	}
	again, err := s.Encode()
	if err != nil {
		return s, err
	}
	if !bytes.Equal(again, payload) {
		w.Predicate.Plan, w.Predicate.Records = nil, nil
		if slices.EqualFunc(w.Subject, s.Subjects, func(a, b Subject) bool { return a.Name == b.Name && fmt.Sprint(a.Digest) == fmt.Sprint(b.Digest) }) {
			return s, fmt.Errorf("%w: it is spelled in another way", ErrStatement)
		}
		return s, fmt.Errorf("%w: its subjects are not the files of its records", ErrResult)
	}
	return s, nil
}

// lines are the records as records.jsonl has them.
func lines(records []json.RawMessage) []byte {
	var b bytes.Buffer
	for _, r := range records {
		b.Write(bytes.ReplaceAll(r, []byte("\n"), nil)) // only white space can hold one
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// Of are the subjects that have a file's digest.
func (s Statement) Of(d results.Digest) []Subject {
	var out []Subject
	for _, x := range s.Subjects {
		if x.Digest["sha256"] == d.Hex() {
			out = append(out, x)
		}
	}
	return out
}
