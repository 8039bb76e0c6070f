package abi

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// TestGrowth holds that the work grows with the number of plugins and no faster, counted in allocations: each plugin meets all that came before it.
func TestGrowth(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil)
	y.write("src/base/quiet/main.go", []byte("package main\n\nimport \"example.test/abi/shared\"\n\nvar v = shared.Body()\n\nfunc main() {}\n"))
	y.build("quiet.so", "base", "quiet/main.go", nil, "-ldflags=-s -w")
	one := y.read("quiet.so")
	at := bytes.Index(one, []byte("plugin/unnamed-"))
	if at < 0 {
		t.Fatal("a plugin that is built of files has no such plugin path")
	}
	path := one[at : at+len("plugin/unnamed-")+16]
	const most = 24
	var names []string
	for i := range most { // the same plugin under other plugin paths: it exports nothing, so nothing else depends on the path
		name := filepath.Join(y.dir, fmt.Sprintf("quiet%d.so", i))
		y.write(filepath.Base(name), bytes.ReplaceAll(one, path, fmt.Appendf(nil, "plugin/unnamed-%016x", i)))
		names = append(names, name)
	}
	allocations := func(n int) float64 {
		h, done := OpenInput(filepath.Join(y.dir, "host"))
		defer done()
		var ins []Input
		for _, name := range names[:n] {
			in, done := OpenInput(name)
			defer done()
			ins = append(ins, in)
		}
		return testing.AllocsPerRun(1, func() {
			r, err := Predict(h, ins, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.Plugins {
				if p.Verdict != OK {
					t.Fatalf("%s: %s, %+v", p.Path, p.Verdict, p.Cause)
				}
			}
		})
	}
	few, some, many := allocations(4), allocations(8), allocations(most)
	first, later := (some-few)/4, (many-some)/(most-8)
	t.Logf("allocations for a plugin: %.0f among the first 8, %.0f among %d", first, later, most)
	if later > 1.25*first {
		t.Errorf("a plugin among the first 8 costs %.0f allocations, one among %d %.0f", first, most, later)
	}
}
