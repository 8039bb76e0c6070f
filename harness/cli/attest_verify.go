package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/attest"
)

// attestVerifyDoc is the `attest verify --json` document.
type attestVerifyDoc struct {
	Schema   string           `json:"schema"`
	File     string           `json:"file"`
	Key      string           `json:"key"`
	Run      string           `json:"run"`      // null, like Result: the statement was refused
	Result   attest.Result    `json:"result"`   // what it says
	Scope    *attest.Scope    `json:"scope"`    // how much it is about; null: it was refused
	Subjects []attest.Subject `json:"subjects"` // the files
	OfFile   []string         `json:"of_file"`  // the subjects that --file is; null: none was given
	Compared *int             `json:"compared"` // hosts and plugins that were rebuilt and compared; null: that was not asked for
	Findings []attest.Finding `json:"findings"`
	Notes    []attest.Note    `json:"notes"` // of a rebuild: what it does not hold against the statement
}

type attestWishes struct {
	axes
	key, file, result, rebuild, steps string
}

func newAttestVerifyCmd(a *app) *cobra.Command {
	var w attestWishes
	cmd := &cobra.Command{
		Use:   "verify FILE --key PUB [--rebuild PROJECT]",
		Short: "Check a statement, and rebuild what it is about",
		Long: `Check a statement that 'plugproof attest' wrote: that the key signed it and nobody else, that it is spelled in the one
way, and that it says what its own records come to. It must say --result, PASS unless you ask for FAIL. --file asks
that it is about this file.

--rebuild builds PROJECT twice here, of the architectures that the statement names, and compares: where the stated
twins were equal, the bytes must be theirs; where they differed, they must differ here, too. What was put in and is
not the same (sources, Go, C toolchain, libc) is noted, also where the bytes are equal, and that a policy is not held
again. A stated cell that is not in the project's plan is missing evidence: --go and the other axes choose as for
verify.
Exit code: 0 it holds, 1 it does not or says otherwise, 2 a file cannot be read, 3 something could not be rebuilt.`,
		Example: "  plugproof attest verify run.intoto.json --key release.key.pub --file dist/greet.so\n  plugproof attest verify run.intoto.json --key release.key.pub --rebuild .",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"file", "rebuild", "steps"} { // a variable that is not set asks for nothing
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
					return usagef("leave it out, or say what is asked for", "--%s is empty", name)
				}
			}
			doc, err := a.attestVerify(cmd.Context(), args[0], w)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(doc)
			} else {
				err = a.print(doc.text())
			}
			if err != nil {
				return err
			}
			return verdict(exitOf(doc.Findings, func(f attest.Finding) bool { return f.Incomplete }))
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.key, "key", "", "trust the minisign public key in `FILE`")
	f.StringVar(&w.file, "file", "", "the statement must be about this `FILE`")
	f.StringVar(&w.result, "result", string(attest.Pass), "what it must say: `PASS`, FAIL or any")
	f.StringVar(&w.steps, "steps", "", "every cell must have gone through these `STEPS`: rebuild,abi,load")
	f.StringVar(&w.rebuild, "rebuild", "", "build `PROJECT` here, and compare")
	w.axes.register(cmd)
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (d attestVerifyDoc) text() string {
	out := ""
	for _, f := range d.Findings {
		at := strings.TrimSpace(f.Cell + " " + cmp.Or(f.Package, f.Subject))
		if at == "" {
			at = d.File
		}
		out += oneLine(at+": "+f.Text) + "\n"
	}
	for _, n := range d.Notes {
		text := "note: " + n.Text
		if n.Cell != "" {
			text += " (" + n.Cell + ")"
		}
		out += oneLine(text) + "\n"
	}
	if d.Result == "" {
		return out
	}
	out += fmt.Sprintf("%s: %s, %s, signed by %s", oneLine(d.File), d.Result, scopeText(*d.Scope), d.Key)
	if len(d.OfFile) > 0 {
		out += "; the file is " + strings.Join(d.OfFile, ", ")
	}
	if d.Compared != nil {
		out += fmt.Sprintf("; %s rebuilt and compared", plural(*d.Compared, "artifact"))
	}
	return out + "\n"
}

// scopeText is a statement's scope in words.
func scopeText(s attest.Scope) string {
	some := func(list []string, none string) string {
		if len(list) == 0 {
			return none
		}
		return strings.Join(list, ", ")
	}
	text := fmt.Sprintf("%s of %s (%s; %s): %s", plural(s.Cells, "cell"), oneLine(some(s.Projects, "nothing")), some(s.Arches, "-"), some(s.Go, "-"), some(s.Steps, "no step in all of them"))
	if slices.Contains(s.Steps, string(results.Rebuild)) && len(s.Varied) == 0 {
		text += "; no variation that all rebuilds had"
	}
	return text
}

func (a *app) attestVerify(ctx context.Context, name string, w attestWishes) (attestVerifyDoc, error) {
	doc := attestVerifyDoc{Schema: "plugproof/attest-verify/v1", File: name, Subjects: []attest.Subject{}, Findings: []attest.Finding{}, Notes: []attest.Note{}}
	if !slices.Contains([]string{string(attest.Pass), string(attest.Fail), "any"}, w.result) {
		return doc, usagef("--result is PASS, FAIL or any", "--result %q", w.result)
	}
	public, err := a.minisignPublic(w.key)
	if err != nil {
		return doc, err
	}
	doc.Key = keyID(public)
	data, err := a.boundedFile(name, attest.MaxEnvelope)
	if err != nil {
		return doc, err
	}
	find := func(format string, args ...any) {
		doc.Findings = append(doc.Findings, attest.Finding{Text: fmt.Sprintf(format, args...)})
	}
	payload, err := attest.Open(data, public)
	if err != nil {
		find("%v", err)
		return doc, nil
	}
	s, err := attest.Parse(payload)
	if err != nil {
		find("%v", err)
		return doc, nil
	}
	scope := s.Scope()
	doc.Run, doc.Result, doc.Subjects, doc.Scope = s.Plan.Run, s.Result, s.Subjects, &scope
	for step := range strings.SplitSeq(w.steps, ",") {
		if w.steps != "" && !slices.Contains(scope.Steps, step) {
			find("not every cell went through the step %q: it is about %s", step, strings.Join(scope.Steps, ", "))
		}
	}
	if w.result != "any" && string(s.Result) != w.result {
		find("it says %s, and %s was asked for", s.Result, w.result)
	}
	if w.file != "" {
		if err := a.attestedFile(w.file, s, &doc); err != nil {
			return doc, err
		}
	}
	if w.rebuild != "" {
		fresh, err := a.rebuilt(ctx, w, s)
		if err != nil {
			return doc, err
		}
		n, found := s.Confirm(fresh)
		doc.Compared, doc.Findings, doc.Notes = &n, append(doc.Findings, found...), s.Notes(fresh)
	}
	return doc, nil
}

// boundedFile reads a regular file of at most a number of bytes.
func (a *app) boundedFile(name string, most int64) ([]byte, error) {
	path := a.path(name)
	st, err := os.Stat(path) // first, for opening a pipe would wait
	switch {
	case err != nil:
		return nil, usagef("name a statement's file", "%w", err)
	case !st.Mode().IsRegular():
		return nil, usagef("name a statement's file", "%q is no regular file", name)
	case st.Size() > most:
		return nil, usagef("name a statement's file", "%q is longer than %d bytes", name, most)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("name a statement's file", "%w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// attestedFile asks the statement about a file.
func (a *app) attestedFile(name string, s attest.Statement, doc *attestVerifyDoc) error {
	path := a.path(name)
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		if err == nil {
			err = fmt.Errorf("%q is no regular file", name)
		}
		return usagef("give --file a file", "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return usagef("give --file a file", "%w", err)
	}
	defer f.Close()
	d, _, err := results.DigestReader(f)
	if err != nil {
		return usagef("give --file a file", "reading %q: %w", name, err)
	}
	doc.OfFile = []string{}
	for _, x := range s.Of(d) {
		doc.OfFile = append(doc.OfFile, x.Name)
	}
	if len(doc.OfFile) == 0 {
		doc.Findings = append(doc.Findings, attest.Finding{Text: fmt.Sprintf("it is not about %q, which has the SHA-256 %s", name, d.Hex())})
	}
	return nil
}
