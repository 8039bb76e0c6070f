package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/harness/cli"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/verify/cause"
	"github.com/plugproof/plugproof/verify/elfdiff"
)

// TestMain lets this program stand for plugproof, too: `TESTBINARY diff --json A B`.
func TestMain(m *testing.M) {
	proc.Main()
	if len(os.Args) > 1 && os.Args[1] == "diff" {
		os.Exit(cli.Main(cli.OS()))
	}
	os.Exit(m.Run())
}

// TestShort scores the subset for every day.
func TestShort(t *testing.T) {
	if testing.Short() {
		t.Skip("builds pairs of plugins: 20 CPU seconds, a minute on an empty cache")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "score.json")
	status, err := run(t.Context(), []string{"-plugproof", self, "-short", "-json", out})
	if err != nil {
		t.Skip("pairs cannot be built here: ", err)
	}
	r := readResult(t, out)
	if status != 0 || r.Total.Pairs < 20 {
		t.Errorf("status %d\n%s", status, r.text())
	}
	for _, f := range r.Cases {
		if f.bad() {
			t.Error(f.line())
		}
	}
}

func readResult(t *testing.T, file string) *result {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := new(result)
	if err := json.Unmarshal(raw, r); err != nil || r.Schema != schema {
		t.Fatalf("%s: %v, schema %q", file, err, r.Schema)
	}
	return r
}

// TestPageQuotesLastScore holds the table in verify/README.md against the last score of the whole corpus, and that against the corpus.
func TestPageQuotesLastScore(t *testing.T) {
	r := readResult(t, "score.json")
	page, err := os.ReadFile("../../verify/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _, err := quoted(string(page))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.text(), table); d != "" {
		t.Errorf("the page's table is not the last score's; run make score (-score +page):\n%s", d)
	}
	if r.Corpus != leaks.Digest() {
		t.Errorf("the corpus was changed since it was scored; run make score")
	}
}

// TestCorpusCoversCauses: every cause that concerns bytes is planted, but unknown.
func TestCorpusCoversCauses(t *testing.T) {
	all, err := leaks.All()
	if err != nil {
		t.Fatal(err)
	}
	planted, controls := map[string]bool{}, 0
	for _, l := range all {
		if l.Control() {
			controls++
		}
		for _, id := range slices.Concat(l.Cause, l.Also, l.Unseen) {
			if _, ok := cause.Lookup(id); !ok || id == "unknown" {
				t.Errorf("%s: there is no cause %q", l.Name, id)
			}
		}
		for _, id := range l.Cause {
			planted[id] = true
		}
		if l.Verdict != "" {
			if err := new(elfdiff.Verdict).UnmarshalText([]byte(l.Verdict)); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
		if !slices.Contains(l.Go, shortGo) && len(l.Go) > 1 {
			t.Errorf("%s: it is not scored by %s", l.Name, shortGo)
		}
	}
	for _, c := range cause.All() {
		if c.ID != "unknown" && !planted[c.ID] {
			t.Errorf("no leak plants %s", c.ID)
		}
	}
	if controls < 10 || len(all)-controls < 30 {
		t.Errorf("%d leaks and %d controls", len(all)-controls, controls)
	}
}
