package abi

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/images/links"
)

// orders draws small sets of plugins and compares CheckOrders with every order that there is.
func (y *yard) orders(host string, from []string, sets int) {
	y.t.(*testing.T).Run("orders", func(t *testing.T) {
		rnd := rand.New(rand.NewSource(1))
		opt := Options{Root: links.Dir("/"), RootName: "/", NoDigest: true, NoCode: true, files: newFileCache()}
		found, none := 0, 0
		for range sets {
			var set []string
			for _, i := range rnd.Perm(len(from))[:2+rnd.Intn(3)] {
				set = append(set, from[i])
			}
			var ins []Input
			for _, p := range set {
				ins = append(ins, y.input(p))
			}
			h := y.input(host)
			got, err := CheckOrders(h, ins, opt)
			if err != nil {
				t.Fatal(err)
			}
			var good []string
			each(ins, nil, func(order []Input) {
				r, err := Predict(h, order, opt)
				if err != nil {
					t.Fatal(err)
				}
				if r.OK() {
					good = append(good, paths(order))
				}
			})
			switch {
			case got.Safe != nil && !slices.Contains(good, strings.Join(got.Safe, " ")):
				t.Errorf("%q: not all open in the order %q; good are %q", set, got.Safe, good)
			case got.Safe == nil && len(good) > 0:
				t.Errorf("%q: no order is found, but %q are good: %q", set, good, got.Proof)
			case got.Safe != nil:
				found++
			default:
				none++
			}
			y.pairs(t, h, ins, got, opt)
		}
		t.Logf("%d sets with an order, %d without", found, none)
		if found == 0 || none == 0 {
			t.Error("the sets are all of one kind")
		}
	})
}

// pairs compares the pairs of a set with predictions of each.
func (y *yard) pairs(t *testing.T, host Input, ins []Input, got *Orders, opt Options) {
	listed := map[string]Verdict{}
	for _, p := range got.Pairs {
		listed[p.First+" "+p.Second] = p.Verdict
	}
	for _, a := range ins {
		for _, b := range ins {
			if a.Path == b.Path {
				continue
			}
			alone, err := Predict(host, []Input{b}, opt)
			if err != nil {
				t.Fatal(err)
			}
			both, err := Predict(host, []Input{a, b}, opt)
			if err != nil {
				t.Fatal(err)
			}
			want := both.Plugins[1].Verdict
			if want == alone.Plugins[0].Verdict {
				want = ""
			}
			if v := listed[paths([]Input{a, b})]; v != want {
				t.Errorf("the pair %s: %q is listed, want %q", paths([]Input{a, b}), v, want)
			}
		}
	}
}

func paths(ins []Input) string {
	var words []string
	for _, in := range ins {
		words = append(words, in.Path)
	}
	return strings.Join(words, " ")
}

// each calls visit with every order of ins.
func each(ins, done []Input, visit func([]Input)) {
	if len(ins) == 0 {
		visit(done)
		return
	}
	for i, in := range ins {
		rest := append(append([]Input{}, ins[:i]...), ins[i+1:]...)
		each(rest, append(done[:len(done):len(done)], in), visit)
	}
}

func TestEachOrder(t *testing.T) {
	seen := map[string]bool{}
	each([]Input{{Path: "a"}, {Path: "b"}, {Path: "c"}, {Path: "d"}}, nil, func(o []Input) { seen[fmt.Sprint(paths(o))] = true })
	if len(seen) != 24 {
		t.Errorf("%d orders of four, want 24", len(seen))
	}
}
