package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/merge"
	"github.com/plugproof/plugproof/results/store"
)

// mergeDoc is the `merge --json` document.
type mergeDoc struct {
	Schema    string           `json:"schema"`
	Out       string           `json:"out"`
	Run       string           `json:"run"` // of the plan that was kept
	Sets      int              `json:"sets"`
	Records   int              `json:"records"`
	Missing   []missingStep    `json:"missing"`    // planned steps of which no set has a record
	Torn      int64            `json:"torn_bytes"` // dropped from the ends of the sets
	Conflicts []merge.Conflict `json:"conflicts"`
}

type missingStep struct {
	CellID results.CellID `json:"cell_id"`
	Cell   string         `json:"cell"`
	Step   results.Step   `json:"step"`
}

func newMergeCmd(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge RUN... --out DIR",
		Short: "Unite the records of one plan",
		Long: `Unite runs of one plan, such as its shards, in a new run in DIR. The order does not matter, and
merging twice changes nothing. Runs of another plan or another plugproof are refused. Exit 1 if
two records of one step contradict each other, or say that a cell has two different digests, or were
made from different sources of one project; 3 if a planned step has no record yet: merge the rest,
too. What was found in the cells is for gate to say.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("plugproof merge RUN... --out DIR", "--out is missing")
			}
			doc := mergeDoc{Schema: "plugproof/merge/v1", Out: a.path(out), Sets: len(args), Missing: []missingStep{}, Conflicts: []merge.Conflict{}}
			sets, dirs := make([]merge.Set, len(args)), make([]string, len(args))
			for i, arg := range args {
				dir, c, err := a.readRun(arg)
				if err != nil {
					return err
				}
				if c.Plan == nil {
					return incompletef("merge needs the plan of every run", "run %q has no plan", arg)
				}
				sets[i], dirs[i] = merge.Set{Plan: *c.Plan, Records: c.Records}, dir
				doc.Torn += c.Torn
			}
			union, conflicts, err := merge.Union(sets...)
			if err != nil {
				return usagef("merge only runs of one plan, made by one plugproof", "%w", err)
			}
			for i, dir := range dirs {
				if err := copyLogs(dir, doc.Out, sets[i].Records); err != nil {
					return err
				}
				if err := copyShapes(dir, doc.Out); err != nil {
					return err
				}
			}
			if err := store.Write(doc.Out, union.Plan, union.Records); errors.Is(err, store.ErrExists) {
				return usagef("give --out a new directory", "%w", err)
			} else if err != nil {
				return err
			}
			doc.Run, doc.Records = union.Plan.Run, len(union.Records)
			doc.Conflicts = append(doc.Conflicts, conflicts...)
			names := map[results.CellID]string{}
			for _, c := range union.Plan.Cells {
				names[c.ID] = c.Cell.String()
			}
			for _, o := range results.NewLedger(&union.Plan, union.Records).Outcomes {
				if o.State == results.Missing {
					doc.Missing = append(doc.Missing, missingStep{o.Key.Cell, names[o.Key.Cell], o.Key.Step})
				}
			}
			if err := a.printMerge(doc); err != nil {
				return err
			}
			switch {
			case len(conflicts) > 0:
				return exitCode(ExitFinding)
			case len(doc.Missing) > 0:
				return exitCode(ExitIncomplete)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "make the new run in `DIR`")
	return cmd
}

func (a *app) printMerge(doc mergeDoc) error {
	if a.json {
		return a.printJSON(doc)
	}
	text := ""
	for _, c := range doc.Conflicts {
		text += oneLine(fmt.Sprintf("conflict %s %s: %s", c.Cell, c.Step, c.Text)) + "\n"
	}
	for _, m := range doc.Missing {
		text += oneLine(fmt.Sprintf("missing %s %s", m.Cell, m.Step)) + "\n"
	}
	return a.print(text + fmt.Sprintf("merged %d records of %d runs into %s\n", doc.Records, doc.Sets, doc.Out))
}

// copyLogs copies the logs that records name to where the merged records look for them. Names come from files that may
// be hostile: roots keep them inside the two directories. A log that is gone is left out.
func copyLogs(from, to string, records []results.Record) error {
	if err := os.MkdirAll(to, 0o777); err != nil {
		return fmt.Errorf("copying logs: %w", err)
	}
	if _, err := os.Lstat(path.Join(to, "plan.json")); err == nil {
		return usagef("give --out a new directory", "%q: %w", to, store.ErrExists)
	}
	src, err := os.OpenRoot(from)
	if err != nil {
		return fmt.Errorf("copying logs: %w", err)
	}
	defer src.Close()
	dst, err := os.OpenRoot(to)
	if err != nil {
		return fmt.Errorf("copying logs: %w", err)
	}
	defer dst.Close()
	for _, r := range records {
		name := merge.LogName(r)
		if !fs.ValidPath(r.Log) || path.Dir(path.Dir(name)) != "logs" {
			continue
		}
		if info, err := src.Lstat(r.Log); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := copyLog(src, dst, r.Log, name); err != nil {
			return fmt.Errorf("copying log %q: %w", r.Log, err)
		}
	}
	return nil
}

// copyShapes copies what is remembered of files.
func copyShapes(from, to string) error {
	shapes, err := store.Shapes(from)
	if err != nil {
		return incompletef("remove the damaged file and merge again", "%w", err)
	}
	for _, s := range shapes {
		if err := store.WriteShape(to, s); err != nil {
			return err
		}
	}
	return nil
}

func copyLog(src, dst *os.Root, from, to string) error {
	in, err := src.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := dst.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	out, err := dst.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
