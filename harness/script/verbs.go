package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// build builds a project's host and plugins twice and keeps them: `build PROJECT DIR [FLAG...]` gives DIR/host and DIR/NAME.so, for what
// must be one cell. The flags are rebuild's; twins that are not as the project expects are a failure.
func (s *session) build(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: build PROJECT DIR [FLAG...]")
	}
	kept := filepath.Join(ts.MkAbs(args[1]), ".cells")
	argv := append(append([]string{"rebuild", "--out", ts.MkAbs(args[1] + ".run"), "--keep", kept}, args[2:]...), args[0])
	if err := ts.Exec("plugproof", argv...); err != nil {
		ts.Fatalf("build: %v", err)
	}
	cells, err := os.ReadDir(kept)
	ts.Check(err)
	if len(cells) != 1 {
		ts.Fatalf("build: %s has %d cells; choose one by --go and --arch", args[0], len(cells))
	}
	files, err := os.ReadDir(filepath.Join(kept, cells[0].Name()))
	ts.Check(err)
	for _, f := range files {
		ts.Check(os.Rename(filepath.Join(kept, cells[0].Name(), f.Name()), filepath.Join(ts.MkAbs(args[1]), f.Name())))
	}
	ts.Check(os.RemoveAll(kept))
	ts.Check(os.RemoveAll(ts.MkAbs(args[1] + ".run")))
}

// rebuild builds a project twice and demands the twins' verdict: `rebuild identical PROJECT [FLAG...]`. The verdict is the gravest of host and
// plugins, in every cell; with ! in none.
func (s *session) rebuild(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: rebuild VERDICT PROJECT [FLAG...]")
	}
	demandWord(ts, "rebuild", args[0], twins)
	var doc struct {
		Report struct {
			Rows []struct {
				Steps []struct {
					Step   string
					Record *struct{ Status, Verdict, Reason string }
				}
			}
		}
	}
	run := ts.MkAbs(".rebuild")
	s.document(ts, &doc, append(append([]string{"rebuild", "--json", "--out", run}, args[2:]...), args[1])...)
	ts.Check(os.RemoveAll(run))
	if len(doc.Report.Rows) == 0 {
		ts.Fatalf("rebuild: %s has no cells", args[1])
	}
	for _, row := range doc.Report.Rows {
		for _, step := range row.Steps {
			if r := step.Record; r == nil || r.Status != "pass" && r.Status != "fail" {
				ts.Fatalf("rebuild: %s has no verdict: %s", args[1], reason(r))
			} else if (r.Verdict == args[0]) == neg {
				ts.Fatalf("rebuild: %s is %q, want%s %q", args[1], r.Verdict, not(neg), args[0])
			}
		}
	}
}

// abi predicts and demands the verdicts of the plugins, in order: `abi ok,mismatch HOST A.so B.so`.
func (s *session) abi(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: abi VERDICT,... [FLAG...] HOST PLUGIN...")
	}
	demandWord(ts, "abi", args[0], predictions)
	var doc struct{ Plugins []struct{ Verdict string } }
	s.document(ts, &doc, append([]string{"abi", "--json"}, args[1:]...)...)
	var got []string
	for _, p := range doc.Plugins {
		got = append(got, p.Verdict)
	}
	s.demandList(ts, neg, "abi", args[0], got)
}

// load loads in a machine and demands the outcomes, in order: `load ok,error HOST A.so B.so`. A host that does not report what it opens
// gives unobserved; the host that `build` keeps under the name probe does report.
func (s *session) load(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: load OUTCOME,... [FLAG...] HOST PLUGIN...")
	}
	demandWord(ts, "load", args[0], outcomes)
	var doc struct{ Plugins []struct{ Outcome string } }
	s.document(ts, &doc, append([]string{"load", "--json"}, args[1:]...)...)
	var got []string
	for _, p := range doc.Plugins {
		got = append(got, p.Outcome)
	}
	s.demandList(ts, neg, "load", args[0], got)
}

// vm runs a command in a fresh machine and demands its status: `vm arm 0 uname -m`. Output is left for stdout and stderr. A command with a
// slash is a program of the script's; any other is one of the machine's own. The files of earlier `mount` lines lie in the directory
// that it starts in.
func (s *session) vm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: vm ARCH STATUS COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		ts.Fatalf("vm: %q is not a number", args[1])
	}
	if want == ownFailure {
		ts.Fatalf("vm: %d is plugproof's own failure and no command's status", want)
	}
	argv := []string{"plugproof", "exec", "--arch", args[0]}
	for _, m := range s.mounted(ts) {
		argv = append(argv, "--file", m)
	}
	command := args[2:]
	if !strings.Contains(command[0], "/") {
		file := ts.MkAbs(".vm.sh")
		ts.Check(os.WriteFile(file, []byte("#!/bin/sh\n"+shellLine(command)+"\n"), 0o755))
		command = []string{file}
	}
	s.demand(ts, want, append(append(argv, "--"), command...))
}

// shellLine quotes words for a shell.
func shellLine(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(out, " ")
}

// mount says what later `vm` lines find in the machine: `mount FILE [NAME]` puts a file or folder at NAME, below the directory that commands
// start in; NAME is the file's own if left out. `mount` alone takes all back.
func (s *session) mount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 2 {
		ts.Fatalf("usage: mount [FILE [NAME]]")
	}
	if len(args) == 0 {
		ts.Setenv(mountsVar, "")
		return
	}
	file := ts.MkAbs(args[0])
	if _, err := os.Stat(file); err != nil {
		ts.Fatalf("mount: %v", err)
	}
	name := filepath.Base(file)
	if len(args) == 2 {
		name = args[1]
	}
	ts.Setenv(mountsVar, strings.TrimPrefix(ts.Getenv(mountsVar)+"\n"+file+"="+name, "\n"))
}

// mountsVar holds a script's mounts, one to a line, in --file's form.
const mountsVar = "PLUGPROOF_SCRIPT_MOUNTS"

func (s *session) mounted(ts *testscript.TestScript) []string {
	return strings.FieldsFunc(ts.Getenv(mountsVar), func(r rune) bool { return r == '\n' })
}

// document runs plugproof, which must print one document and end with 0 or a finding.
func (s *session) document(ts *testscript.TestScript, doc any, argv ...string) {
	err := ts.Exec("plugproof", argv...)
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) {
		ts.Fatalf("plugproof %s: %v", strings.Join(argv, " "), err)
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile("stdout")))).Decode(doc); err != nil {
		ts.Fatalf("plugproof %s: reading its document: %v", strings.Join(argv, " "), err)
	}
}

func (s *session) demandList(ts *testscript.TestScript, neg bool, verb, want string, got []string) {
	list := strings.Split(want, ",")
	if len(list) != len(got) {
		ts.Fatalf("%s: %s of %s, and %s is wanted: one word for each plugin", verb, strings.Join(got, ","), count(len(got), "plugin"), want)
	}
	if slices.Equal(list, got) == neg {
		ts.Fatalf("%s: %s, want%s %s", verb, strings.Join(got, ","), not(neg), want)
	}
}

func not(neg bool) string { return map[bool]string{true: " not"}[neg] }

// kvm reports whether machines run under KVM here, which doctor tries out. The answer is the same for all scripts.
func (s *session) kvm() (bool, error) {
	s.once.Do(func() {
		cmd := exec.Command(s.program(), "doctor", "--json")
		cmd.Env = os.Environ()
		for k, v := range s.env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		out, err := cmd.Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			s.kvmErr = fmt.Errorf("asking doctor for KVM: %w", err)
			return
		}
		var doc struct {
			Accelerators []struct{ Accelerator string }
		}
		s.kvmErr = json.Unmarshal(out, &doc)
		for _, a := range doc.Accelerators {
			s.hasKVM = s.hasKVM || a.Accelerator == "kvm"
		}
	})
	return s.hasKVM, s.kvmErr
}

// program is the plugproof that scripts find.
func (s *session) program() string {
	if file, err := lookPath("plugproof", s.env["PATH"]); s.env["PATH"] != "" && err == nil {
		return file
	}
	return "plugproof"
}
