package abi

import (
	"slices"
	"testing"

	"github.com/plugproof/plugproof/images/links"
)

// TestOtherGo: an edited GOROOT says the version that it said before. Who knows that it is another Go is asked about the standard library's sources.
func TestOtherGo(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil)
	y.build("p1.so", "base", "p1", nil)
	for _, other := range []bool{false, true} {
		var asked []string
		opt := Options{Root: links.Dir("/"), RootName: "/", OtherGo: func(string) bool { return other }, SameSource: func(_, pkg string) (same, known bool) {
			asked = append(asked, pkg)
			return pkg != "internal/bytealg", true
		}}
		rep, err := Predict(y.input("host"), []Input{y.input("p1.so")}, opt)
		if err != nil {
			t.Fatal(err)
		}
		p := rep.Plugins[0]
		if slices.Contains(asked, "runtime") != other {
			t.Errorf("another Go: %v; asked about %v", other, asked)
		}
		if said := p.Code != nil && slices.Contains(p.Code.Sources, "internal/bytealg"); said != other {
			t.Errorf("another Go: %v; the sources that differ are told: %v", other, said)
		}
		if len(p.Drift) > 0 {
			t.Errorf("another Go: %v; functions differ although the bytes are one Go's: %v", other, p.Drift)
		}
	}
}
