package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
)

// policyDoc is the `policy --json` document.
type policyDoc struct {
	Schema     string `json:"schema"`
	Project    string `json:"project"`
	Now        string `json:"now"`         // the day that reviews are held against
	NowFrom    string `json:"now_from"`    // clock, --now or SOURCE_DATE_EPOCH
	SourceOnly bool   `json:"source_only"` // no built file was asked for
	policy.Report
}

// policyFlags are what the command is asked.
type policyFlags struct {
	axes
	elf        []string
	zips       []string
	now        string
	sourceOnly bool
}

func newPolicyCmd(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:   "policy [PROJECT]",
		Short: "Hold modules, licences and built files against [policy]",
		Long: `Hold a project against the [policy] of its plugproof.toml ('plugproof help policy-rules'): its go.mod, go.sum and
go.work, the packages that the go command lists for the host and each plugin of every cell, and the built files that
--elf names, by their build information and by the packages that were truly linked, as the files' own tables name them:
build information can be stripped or lie. Findings name a line of go.mod or plugproof.toml, or the file and the package.

--elf takes files, or directories all of whose ELF files are looked at ('plugproof rebuild --keep DIR' leaves them
there). A host or plugin of which no built file was given is missing evidence, unless --source-only says that this is
wanted. Licences are read from modules' zips, checked against go.sum, in plugproof's cache, the user's module cache and
each --modules folder, else from the vendor folder. Reviews are held against --now, else SOURCE_DATE_EPOCH, else today.
'plugproof verify' does the same in a step of each cell, with what it built.
Exit code: 0 the policy holds, 1 a finding, 2 usage or configuration, 3 something could not be looked at.`,
		Example: "  plugproof policy --source-only\n  plugproof rebuild --keep built && plugproof policy --elf built\n  plugproof policy --now 2026-08-01 --elf greet.so DIR",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.policy(cmd.Context(), args, f)
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
			return verdict(exitOf(doc.Findings, func(f policy.Finding) bool { return f.Incomplete }))
		},
	}
	f.axes.register(cmd)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.elf, "elf", nil, "look at the built file `FILE`, or at all in this directory; repeatable")
	fl.StringArrayVar(&f.zips, "modules", nil, "look for module zips in `DIR`, which has the layout of a module proxy; repeatable")
	fl.StringVar(&f.now, "now", "", "hold reviews against this `DAY`, YYYY-MM-DD")
	fl.BoolVar(&f.sourceOnly, "source-only", false, "ask for no built files")
	return cmd
}

func (d policyDoc) text() string {
	out := ""
	for _, f := range d.Findings {
		at := f.File
		if f.Line > 0 {
			at += ":" + strconv.Itoa(f.Line)
		}
		rule := ""
		if f.Rule > 0 && !(f.Rule == f.Line && f.Kind == policy.OldReview) {
			rule = fmt.Sprintf(" (%s:%d)", plan.FileName, f.Rule)
		}
		out += oneLine(fmt.Sprintf("%s: %s: %s%s", at, f.Kind, f.Text, rule)) + "\n"
	}
	if len(d.Findings) == 0 {
		return fmt.Sprintf("the policy holds: %s, %s\n", plural(len(d.Modules), "module"), plural(len(d.Files), "built file"))
	}
	return out + fmt.Sprintf("%s: %s, %s\n", plural(len(d.Findings), "finding"), plural(len(d.Modules), "module"), plural(len(d.Files), "built file"))
}

func (a *app) policy(ctx context.Context, args []string, f policyFlags) (policyDoc, error) {
	doc := policyDoc{Schema: "plugproof/policy/v1", SourceOnly: f.sourceOnly}
	if f.sourceOnly && len(f.elf) > 0 {
		return doc, usagef("drop one of them", "--source-only contradicts --elf")
	}
	now, from, err := a.today(f.now)
	if err != nil {
		return doc, err
	}
	doc.Now, doc.NowFrom = now.String(), from
	arg := "."
	if len(args) == 1 {
		arg = args[0]
	}
	e, done, err := a.evidence(ctx, arg, f)
	if err != nil {
		return doc, err
	}
	defer done()
	doc.Project = e.project.Name
	e.Now = now
	doc.Report, err = policy.Check(e.project.Policy, e.Evidence)
	if err != nil {
		return doc, incompletef("", "%w", err)
	}
	doc.Findings = append(doc.Findings, e.missing(f.sourceOnly)...)
	return doc, nil
}

// lastSecond is the end of the last year that a day like 2026-08-01 can name.
const lastSecond = 253402300799

// today is the day that --now, SOURCE_DATE_EPOCH or the clock says.
func (a *app) today(flag string) (policy.Date, string, error) {
	if flag != "" {
		d, err := policy.ParseDate(flag)
		if err != nil {
			return d, "", usagef("--now takes a day, like 2026-08-01", "--now: %w", err)
		}
		return d, "--now", nil
	}
	t, from := a.env.Now(), "clock"
	if s := a.getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 || n > lastSecond {
			return policy.Date{}, "", usagef(fmt.Sprintf("it is a number of seconds since 1970, at most %d, which is in the year 9999 (reproducible-builds.org/specs/source-date-epoch)", lastSecond), "SOURCE_DATE_EPOCH is %q", s)
		}
		t, from = time.Unix(n, 0), "SOURCE_DATE_EPOCH"
	}
	d, err := policy.ParseDate(t.UTC().Format(time.DateOnly))
	return d, from, err
}
