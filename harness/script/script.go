// Package script gives testscript the commands and conditions that plugproof's scenarios use.
//
// A scenario is a testscript file (.txtar) that states one claim and runs the real tool against real toolchains and real
// machines. What testscript lacks for that is added here: exact exit codes, JSON assertions, waiting for a file's
// content instead of sleeping, a small full disk, a namespace without network, and a look for leftover processes.
package script

import (
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Options are what a caller decides about a set of scenarios.
type Options struct {
	Dir     string            // the folder that holds the .txtar files
	Files   []string          // or single files
	Env     map[string]string // added to each script's environment
	Update  bool              // rewrite the files that cmp compares with
	Keep    bool              // keep the work directories
	Timeout time.Duration     // for one waiting command; 0 means two minutes
}

// Params is the testscript configuration for o.
func Params(o Options) testscript.Params {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	s := &session{timeout: o.Timeout}
	return testscript.Params{
		Dir:                 o.Dir,
		Files:               o.Files,
		UpdateScripts:       o.Update,
		TestWork:            o.Keep,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for k, v := range o.Env {
				env.Setenv(k, v)
			}
			// The home directory exists and is empty, so that nothing of the user's leaks in.
			env.Setenv("HOME", env.WorkDir+"/.home")
			env.Setenv("NO_COLOR", "1")
			env.Values[namesKey{}] = names(env.Vars)
			return os.MkdirAll(env.WorkDir+"/.home", 0o755)
		},
		Condition: condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    s.exits,
			"json":     s.json,
			"waitfor":  s.waitFor,
			"noproc":   s.noProcess,
			"tinydisk": s.tinyDisk,
			"offline":  s.offline,
			"digest":   s.digest,
			"edit":     s.edit,
			"during":   s.during,
			"extract":  s.extract,
			"owncache": s.ownCache,
			"lines":    s.lines,
			"cut":      s.cut,
			"within":   s.within,
			"nothing":  s.nothing,
		},
	}
}

// session carries what the commands of one set of scenarios share.
type session struct{ timeout time.Duration }

// condition answers [name] and [name:argument] in a script's lines.
func condition(cond string) (bool, error) {
	name, arg, _ := strings.Cut(cond, ":")
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "guest": // an emulator for that architecture is here
		bin := map[string]string{"amd64": "qemu-system-x86_64", "arm": "qemu-system-arm"}[arg]
		if bin == "" {
			return false, nil
		}
		_, err := exec.LookPath(bin)
		return err == nil, nil
	case "netns":
		return exec.Command("unshare", "--net", "true").Run() == nil, nil
	}
	return false, &unknownCondition{cond}
}

type unknownCondition struct{ name string }

func (e *unknownCondition) Error() string {
	return "unknown condition [" + e.name + "]; known here: root, netns, guest:ARCH, and testscript's own"
}
