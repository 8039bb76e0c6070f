package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/verify/abi"
)

func TestMain(m *testing.M) {
	proc.Main() // does not return in a supervisor
	os.Exit(m.Run())
}

// TestAgree makes a small part of the comparison: one Go and one target, in a virtual machine, with the caller's build cache.
func TestAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("builds plugins and opens them in a virtual machine")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	if _, err := os.Stat(filepath.Join(cache, "inputs", "kernel-amd64")); err != nil {
		t.Skipf("no kernel here: %v; run make deps", err)
	}
	gocache, err := exec.Command(goCommand, "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	log := func(s string) { t.Log(s) }
	a := &agree{
		shop: &workshop{dir: t.TempDir(), gocache: strings.TrimSpace(string(gocache)), path: os.Getenv("PATH"),
			store: &toolchain.Store{Cache: cache, Bootstrap: goCommand, UserModCache: modCache(), Offline: true, Once: true, Log: log}},
		cache: cache, say: log,
	}
	all := fixed([]string{runtime.Version()}, nil, []target{{"amd64", "musl"}})
	for _, line := range []string{"host p1-body.so p2.so", "host p1-inline.so p1.so", "host machine.so lfs.so directory.so p1.so", "host-hidden absent.so p1.so", "host pifunc.so needs-dst.so p1.so"} {
		all = append(all, parse(target{"amd64", "musl"}, runtime.Version(), "kinds", line, ""))
	}
	c, err := a.compareAll(ctx, append(all, drawn(1, 10, all)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(c.text())
	if n := c.disagreements(); n > 0 {
		t.Errorf("%d disagreements", n)
	}
	if c.sequences < 25 || c.fates[crashed] == 0 {
		t.Errorf("%d sequences, %d crashed as predicted", c.sequences, c.fates[crashed])
	}
}

// TestJudge demands that what disagrees is seen.
func TestJudge(t *testing.T) {
	text, other, pkg := "plugin.Open(\"p\"): plugin was built with a different version of package a", "plugin.Open(\"p\"): x", "a"
	for _, tt := range []struct {
		name string
		pred abi.Plugin
		got  guest.Plugin
		kind string
		want string
	}{
		{"opens", abi.Plugin{Verdict: abi.OK}, guest.Plugin{Outcome: "ok"}, "exit", right},
		{"does not open", abi.Plugin{Verdict: abi.OK}, guest.Plugin{Outcome: "error", Error: "x"}, "exit", wrong},
		{"opens against the prediction", abi.Plugin{Verdict: abi.Mismatch, Error: &text, Package: &pkg}, guest.Plugin{Outcome: "ok"}, "exit", wrong},
		{"the same text", abi.Plugin{Verdict: abi.Mismatch, Error: &text, Package: &pkg}, guest.Plugin{Outcome: "error", Error: text}, "exit", right},
		{"another package", abi.Plugin{Verdict: abi.Mismatch, Error: &text, Package: &other}, guest.Plugin{Outcome: "error", Error: text}, "exit", wrong},
		{"another text", abi.Plugin{Verdict: abi.DlopenError, Error: &other}, guest.Plugin{Outcome: "error", Error: text}, "exit", wrong},
		{"dies as predicted", abi.Plugin{Verdict: abi.Abort, KillsHost: true}, guest.Plugin{Outcome: "throw"}, "throw", right},
		{"lives", abi.Plugin{Verdict: abi.Abort, KillsHost: true}, guest.Plugin{Outcome: "error", Error: "x"}, "exit", wrong},
		{"dies", abi.Plugin{Verdict: abi.OK}, guest.Plugin{Outcome: "signal"}, "signal", wrong},
		{"dies after it opened", abi.Plugin{Verdict: abi.OK}, guest.Plugin{Outcome: "ok"}, "throw", wrong},
		{"undecided, and opens", abi.Plugin{Verdict: abi.Abort, KillsHost: true, Undecided: &text}, guest.Plugin{Outcome: "ok"}, "exit", apart},
		{"poisoned, and crashes", abi.Plugin{Verdict: abi.Poisoned, KillsHost: true}, guest.Plugin{Outcome: "ok"}, "throw", crashed},
		{"poisoned, and lives", abi.Plugin{Verdict: abi.Poisoned, KillsHost: true}, guest.Plugin{Outcome: "ok"}, "exit", right},
		{"poisoned without harm, and crashes", abi.Plugin{Verdict: abi.Poisoned}, guest.Plugin{Outcome: "ok"}, "throw", wrong},
	} {
		sc := &scene{sequence: parse(targets[0], "go1.26.8", "", "host p1.so", "")}
		fates, text := judge(sc, &abi.Report{Plugins: []abi.Plugin{tt.pred}}, &seen{Kind: tt.kind, Plugins: []guest.Plugin{tt.got}})
		if d := cmp.Diff([]string{tt.want}, fates); d != "" || (text != "") != (tt.want == wrong) {
			t.Errorf("%s: text %q, fates (-want +got):\n%s", tt.name, text, d)
		}
	}
}

// TestListsNameRecipes demands that each file in the lists can be made, or is meant to be absent.
func TestListsNameRecipes(t *testing.T) {
	all := fixed(strings.Split(releases, ","), []string{"go1.26.8"}, targets)
	if len(all) < 300 {
		t.Errorf("%d sequences, want 300 and more", len(all))
	}
	for _, s := range all {
		for _, name := range append([]string{s.host}, s.plugins...) {
			if r := s.ref(name); recipeOf(r.name) == nil && r.name != "absent.so" {
				t.Errorf("%s: there is no recipe %q", s, r.name)
			}
		}
	}
	for i, r := range recipes {
		if recipeOf(r.name) != &recipes[i] {
			t.Errorf("two recipes are called %q", r.name)
		}
		if _, ok := trees[r.tree]; !ok {
			t.Errorf("%s: there is no variant %q", r.name, r.tree)
		}
	}
}
