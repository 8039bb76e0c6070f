// Package scripts_test runs the scenarios of this folder against the real plugproof, real toolchains and real machines.
package scripts_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plugproof/plugproof/harness/cli"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/script"
)

var (
	update = flag.Bool("update", false, "rewrite what scenarios compare with")
	keep   = flag.Bool("keep", false, "keep the scenarios' work directories")
)

func TestMain(m *testing.M) {
	proc.Main() // does not return in a supervisor
	testscript.Main(m, map[string]func(){
		"plugproof": func() { os.Exit(cli.Main(cli.OS())) },
	})
}

// TestScripts runs each scenario as a test of its own. They share the caller's cache; what is not in it they may not download:
// `plugproof fetch fixture:all`, which make test calls first, brings it.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("scenarios build and boot for minutes; not under -short")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, script.Params(script.Options{
		Dir:    ".",
		Update: *update,
		Keep:   *keep,
		Env: map[string]string{
			"PLUGPROOF_CACHE": cache(t),
			"FIXTURES":        filepath.Join(here, "..", "fixtures"),
			"PROJECTS":        filepath.Join(here, "testdata"),
			"GOPROXY":         "off",
			"GO":              cli.DefaultGo,
			"CALLER_GOCACHE":  goCache(),
		},
	}))
}

// goCache is the caller's build cache, for scenarios that run the go command themselves.
func goCache() string {
	if dir := os.Getenv("GOCACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "" // the scenarios' own
	}
	return filepath.Join(dir, "go-build")
}

// cache is the caller's cache. Without it nothing can be built here, for the scenarios have no network.
func cache(t *testing.T) string {
	dir := os.Getenv("PLUGPROOF_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("no place for a cache: %v; set PLUGPROOF_CACHE", err)
		}
		dir = filepath.Join(user, "plugproof")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range []string{"gomod", "inputs"} {
		if _, err := os.Stat(filepath.Join(dir, need)); err != nil {
			t.Fatalf("%v: scenarios download nothing; run make test, or scripts/deps and plugproof fetch fixture:all first", err)
		}
	}
	return dir
}

// TestClaims demands that each scenario begins with its claim, and that README.md lists it.
func TestClaims(t *testing.T) {
	files, err := filepath.Glob("*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		claim, ok := strings.CutPrefix(first, "# ")
		if !ok {
			t.Errorf("%s: the first line is no comment with the claim", file)
			continue
		}
		if row := "| " + claim + " | `" + file + "` |"; !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the row\n%s", row)
		}
	}
}
