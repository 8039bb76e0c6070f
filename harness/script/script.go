// Package script gives testscript the commands and conditions that plugproof's scenarios use.
//
// A scenario is a testscript file (.txtar) that states one claim and runs the real tool against real toolchains and real
// machines. What testscript lacks for that is added here: exact exit codes, JSON assertions, waiting for a file's
// content instead of sleeping, a small full disk, a namespace without network, and a look for leftover processes.
package script

import (
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"
)

// Options are what a caller decides about a set of scenarios.
type Options struct {
	Dir     string            // the folder that holds the .txtar files
	Files   []string          // or single files
	Env     map[string]string // added to each script's environment; GO is the Go under test, which [go>=1.24] is about
	Update  bool              // rewrite the files that cmp compares with
	Keep    bool              // keep the work directories
	Timeout time.Duration     // for one waiting command; 0 means 15 minutes

	// Lacks is told each condition that did not hold because this machine lacks something: guest:ARCH, netns. May be nil.
	Lacks func(cond string)
}

// Params is the testscript configuration for o.
func Params(o Options) testscript.Params {
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Minute // a busy machine is slow, and that proves nothing
	}
	s := &session{timeout: o.Timeout, env: o.Env, lacks: o.Lacks}
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
			env.Setenv(mountsVar, "")
			env.Values[namesKey{}] = names(env.Vars)
			return os.MkdirAll(env.WorkDir+"/.home", 0o755)
		},
		Condition: s.condition,
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

			"build":   s.build,
			"rebuild": s.rebuild,
			"abi":     s.abi,
			"load":    s.load,
			"vm":      s.vm,
			"mount":   s.mount,
		},
	}
}

// Says reports whether a scenario has a command at all: one that has none passes.
func Says(scenario []byte) bool {
	for line := range strings.Lines(string(txtar.Parse(scenario).Comment)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return true
		}
	}
	return false
}

// session carries what the commands of one set of scenarios share.
type session struct {
	timeout time.Duration
	env     map[string]string // Options.Env
	lacks   func(cond string) // Options.Lacks

	once   sync.Once // asks for KVM
	hasKVM bool
	kvmErr error
}
