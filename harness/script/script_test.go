package script_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plugproof/plugproof/harness/script"
)

// runner is a testscript.T that remembers.
type runner struct {
	log    strings.Builder
	failed bool
}

type ended struct{}

func (r *runner) Skip(...any) { panic(ended{}) }
func (r *runner) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}
func (r *runner) FailNow()        { r.failed = true; panic(ended{}) }
func (r *runner) Log(args ...any) { fmt.Fprintln(&r.log, args...) }
func (r *runner) Parallel()       {}
func (r *runner) Verbose() bool   { return false }
func (r *runner) Run(_ string, f func(testscript.T)) {
	defer func() {
		if e := recover(); e != nil && e != any(ended{}) {
			panic(e)
		}
	}()
	f(r)
}

// play runs one scenario with $GO and says what is wrong with it, "" if it passes.
func play(t *testing.T, goSpec, text string, lacks func(string)) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.txtar")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &runner{}
	r.Run("", func(testscript.T) {
		testscript.RunT(r, script.Params(script.Options{Files: []string{file}, Env: map[string]string{"GO": goSpec}, Lacks: lacks}))
	})
	if !r.failed {
		return ""
	}
	return r.log.String()
}

// A slip in a line that demands the opposite must not make it green.
func TestSlips(t *testing.T) {
	const files = "\n-- a.json --\n{\"x\":1,\"l\":[1,2]}\n-- b --\nb\n"
	for _, c := range []struct{ line, want string }{
		{"json a.json x 1", ""},
		{"! json a.json x 2", ""},
		{"! json a.json y (none)", "want not"},
		{"json a.json y (none)", ""},
		{"! json a.json x '/[/'", "missing closing"},
		{"! json a.json y 2", "there is no y"},
		{"json a.json x x 1", "no KEY=VALUE"},
		{"lines b 1", ""},
		{"! lines b one", "not a number"},
		{"! rebuild idntical .", `"idntical" is none of`},
		{"rebuild go-version .", `"go-version" is none of`},
		{"! abi ok,okk h p", `"okk" is none of`},
		{"! load eror h p", `"eror" is none of`},
		{"! load mismatch h p", `"mismatch" is none of`},
		{"vm arm 125 true", "plugproof's own failure"},
		{"[kvm:arm] exec true", "unknown condition [kvm:arm]"},
		{"[root:x] exec true", "unknown condition [root:x]"},
		{"[netns:x] exec true", "unknown condition [netns:x]"},
		{"[guest:arm64] exec true", "is no guest"},
		{"[go>1.26] exec false", ""},
		{"[go>=1.26.8] exec false", "unexpected command failure"},
	} {
		if got := play(t, "go1.26.8", c.line+files, nil); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q, got:\n%s", c.line, c.want, got)
		}
	}
}

// A GOROOT that is named is asked for its version.
func TestConditionOfGOROOT(t *testing.T) {
	for _, c := range []struct{ version, line, want string }{
		{"devel go1.27-abcdef Mon Nov 23 00:00:00 2026 +0000", "[!go>=1.27] exec false", ""},
		{"go1.26.8-mine X:boringcrypto", "[!go==1.26.8] exec false", ""},
		{"go1.26.8", "[go<1.26] exec false", ""},
		{"mine", "[go<1.26] exec false", "no release"},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "bin", "go"), []byte("#!/bin/sh\necho '"+c.version+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := play(t, "tip=path:"+root, c.line, nil); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, %s: want %q, got:\n%s", c.version, c.line, c.want, got)
		}
	}
	if got := play(t, "tip=path:/nonexistent", "[go<1.26] exec false", nil); !strings.Contains(got, "asking the Go under test") {
		t.Errorf("no GOROOT: %s", got)
	}
}

// What was left out for want of something is told; what merely is not so is not.
func TestLacks(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	var lacking []string
	if got := play(t, "go1.26.8", "[guest:arm] exec false\n[!guest:amd64] stop\n[go<1.20] exec false", func(c string) { lacking = append(lacking, c) }); got != "" {
		t.Error(got)
	}
	if got := fmt.Sprint(lacking); got != "[guest:arm guest:amd64]" {
		t.Errorf("lacking %s", got)
	}
}

func TestSays(t *testing.T) {
	for text, want := range map[string]bool{"": false, "# a claim\n\n-- f --\nexec true\n": false, "# a claim\nexec true\n": true, "stop": true} {
		if got := script.Says([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
