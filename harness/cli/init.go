package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/proc"
)

// initDoc is the `init --json` document.
type initDoc struct {
	Schema  string   `json:"schema"`
	File    string   `json:"file"`    // what was written
	Hosts   []string `json:"hosts"`   // the first one was chosen
	Plugins []string `json:"plugins"` // all of them are in the file
	Broken  []string `json:"broken"`  // packages that could not be read, with the reason
	Ignore  string   `json:"ignore"`  // the line that .gitignore lacks; null if it has one like it, or there is no git
}

func newInitCmd(a *app) *cobra.Command {
	var host string
	var gitignore bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first plugproof.toml",
		Long: `Write a first plugproof.toml for the module directory DIR, the current one when omitted. The host is a main
package whose dependencies hold the package plugin; plugins are main packages without a func main, or with an
empty one. If there are several hosts, the first is chosen and the others stand beside it as comments. What DIR's
module lacks, hosts or plugins, is looked for in the other modules of its workspace (go.work).
A file that is there already is not touched. Runs are kept beneath results/runs, which git should not: --gitignore
adds that line to DIR's .gitignore.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := optional(args)
			if dir == "" {
				dir = "."
			}
			full := a.path(dir)
			draft, err := plan.Init(cmd.Context(), full, host, a.runGo)
			if err != nil {
				return err
			}
			if err := draft.Write(full); err != nil {
				return err
			}
			for _, b := range draft.Broken {
				a.note("left out a package that cannot be read: %s", oneLine(b))
			}
			if n := len(draft.Hosts); n > 1 {
				a.note("%d programs can open plugins; the first was chosen: edit [host] if it is another", n)
			}
			lacks := ""
			if has, err := ignores(full); err != nil {
				return err
			} else if !has && inGit(full) {
				lacks = runsIgnored
			}
			if gitignore && lacks != "" {
				if err := ignore(full); err != nil {
					return err
				}
			} else if lacks != "" {
				a.note("runs will be kept in results/runs; the line %s in .gitignore keeps them out of git, and --gitignore adds it", runsIgnored)
			}
			file := filepath.ToSlash(filepath.Join(dir, plan.FileName))
			if a.json {
				return a.printJSON(initDoc{"plugproof/init/v1", file, spell(draft.Hosts), spell(draft.Plugins), list(draft.Broken), lacks})
			}
			return a.print(fmt.Sprintf("%s: host %s, plugins %s\n", file, draft.Hosts[0], strings.Join(spell(draft.Plugins), ", ")))
		},
	}
	cmd.Flags().StringVar(&host, "host", "", "the host's `PACKAGE`, as it stands in plugproof.toml, where it is not one of DIR's")
	cmd.Flags().BoolVar(&gitignore, "gitignore", false, "add the line that keeps runs out of git")
	return cmd
}

// spell is the places' packages, each with its directory where that is another one.
func spell(ps []plan.Place) []string {
	out := []string{}
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

// list is never null in JSON.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// runGo runs the user's own go command, in the user's environment but without the network.
func (a *app) runGo(ctx context.Context, dir string, args ...string) ([]byte, error) {
	goCmd := ""
	for _, d := range filepath.SplitList(a.getenv("PATH")) {
		file := filepath.Join(d, "go")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(d) {
			goCmd = file
			break
		}
	}
	if goCmd == "" {
		return nil, incompletef("install Go, or put it into PATH", "no go command")
	}
	var stdout, stderr bytes.Buffer
	res, err := proc.Run(ctx, proc.Cmd{
		Path: goCmd, Args: args, Dir: dir, Stdout: &stdout, Stderr: &stderr,
		Env: append(a.env.Environ, "GOTOOLCHAIN=local", "GOPROXY=off", "CGO_ENABLED=1", "PWD="+dir),
	})
	if err != nil {
		return nil, fmt.Errorf("running go %s: %w", args[0], err)
	}
	if res.ExitCode != 0 || res.Signal != 0 {
		return nil, usagef("run it by hand to see more: go list ./...", "go %s failed: %s", args[0], strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}
