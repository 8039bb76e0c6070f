package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/proc"
)

// doctorDoc is the `doctor --json` document.
type doctorDoc struct {
	Schema       string              `json:"schema"`
	OK           bool                `json:"ok"` // everything that is not optional is there
	Found        []doctorLine        `json:"found"`
	Accelerators []doctorAccelerator `json:"accelerators"`
	Isolation    map[string]string   `json:"isolation"`
}

type doctorLine struct {
	Name     string `json:"name"`
	Found    bool   `json:"found"`
	Optional bool   `json:"optional"`
	Path     string `json:"path"`
	Version  string `json:"version"`
	Needed   string `json:"needed"`
	Get      string `json:"get"`
	Problem  string `json:"problem"`
}

type doctorAccelerator struct {
	Arch  string `json:"arch"`
	Accel string `json:"accelerator"` // what a guest really ran under; null if none could
	Why   string `json:"why"`
}

func newDoctorCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has and lacks, and how to get the rest",
		Long: `Say what this machine has and lacks for building and loading, which accelerator really runs a guest (a guest is
started to find out; the answer is kept until the host boots again), how children are isolated, and the command
that brings what is missing. Exit 0 if everything is there that is not optional, else 3.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shop, done, err := a.openWorkshop()
			if err != nil {
				return err
			}
			defer done()
			doc, err := shop.doctor(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(doc)
			} else {
				err = a.print(doctorText(doc))
			}
			if err == nil && !doc.OK {
				return exitCode(ExitIncomplete)
			}
			return err
		},
	}
}

func (s *workshop) doctor(ctx context.Context) (doctorDoc, error) {
	found, err := s.store.Doctor(ctx)
	if err != nil {
		return doctorDoc{}, err
	}
	doc := doctorDoc{Schema: "plugproof/doctor/v1", OK: true, Isolation: proc.Isolation().Map()}
	for _, f := range found {
		doc.Found = append(doc.Found, doctorLine(f))
		doc.OK = doc.OK && (f.Found || f.Optional)
	}
	for _, arch := range plan.Arches {
		acc := doctorAccelerator{Arch: arch}
		if g, err := s.ground(ctx, arch, plan.Libcs[0]); err != nil {
			if ctx.Err() != nil {
				return doc, ctx.Err()
			}
			acc.Why = err.Error()
			doc.OK = false
		} else {
			acc.Accel, acc.Why = g.Machine.Accel, g.Machine.AccelWhy
		}
		doc.Accelerators = append(doc.Accelerators, acc)
	}
	return doc, nil
}

func doctorText(doc doctorDoc) string {
	var b strings.Builder
	deps := false
	for _, f := range doc.Found {
		mark, rest := "ok     ", strings.TrimSpace(f.Version+" "+f.Path)
		if !f.Found {
			mark, rest = "MISSING", f.Needed
			if f.Optional {
				mark = "lacks  "
			}
			if f.Problem != "" {
				rest = f.Problem + "; " + rest
			}
		}
		fmt.Fprintf(&b, "%s  %-24s %s\n", mark, f.Name, oneLine(rest))
		if !f.Found && f.Get != "" {
			fmt.Fprintf(&b, "         get it: %s\n", oneLine(f.Get))
			deps = deps || f.Get == "scripts/deps"
		}
	}
	for _, acc := range doc.Accelerators {
		if acc.Accel == "" {
			fmt.Fprintf(&b, "MISSING  machine %-16s %s\n", acc.Arch, oneLine(acc.Why))
			continue
		}
		fmt.Fprintf(&b, "ok       machine %-16s %s: %s\n", acc.Arch, acc.Accel, oneLine(acc.Why))
	}
	fmt.Fprintf(&b, "ok       isolation                processes %s, network %s, mounts %s\n", doc.Isolation["processes"], doc.Isolation["network"], doc.Isolation["mounts"])
	if deps {
		b.WriteString("scripts/deps is in plugproof's repository: run it, as root, in a clone, with the same PLUGPROOF_CACHE\n")
	}
	return b.String()
}
