package abi

import "fmt"

// Orders says how the outcome depends on the order in which plugins are opened.
type Orders struct {
	Pairs []Pair   `json:"pairs"` // the ordered pairs in which the first changes the outcome of the second
	Safe  []string `json:"safe"`  // an order in which every plugin opens; null when there is none
	Proof []string `json:"proof"` // why there is none: what stands in the way of each plugin that is left when no other can be opened
}

// Pair is a plugin that is opened after another one, in a process that opens only these two.
type Pair struct {
	First   string  `json:"first"`
	Second  string  `json:"second"`
	Alone   Verdict `json:"alone"` // the second's verdict when it is opened alone
	Verdict Verdict `json:"verdict"`
	Error   *string `json:"error"`
}

// CheckOrders predicts every ordered pair of plugins, and finds an order in which all open or proves that there is none.
//
// The proof rests on this: while every open succeeds, each file that is added to the process only adds definitions, and whatever it takes away from a
// later plugin (a package with another fingerprint, the same plugin path) that plugin would take away from it as well. So a plugin that
// can be opened next can be opened first without harm to the others, and when none of the rest can be opened, no order of all of them exists.
func CheckOrders(host Input, plugins []Input, opt Options) (*Orders, error) {
	opt.NoDigest, opt.NoCode = true, true // the report has both already
	opt.files = newFileCache()
	out := &Orders{Pairs: []Pair{}, Proof: []string{}}
	alone := make([]Verdict, len(plugins))
	for i, p := range plugins {
		r, err := Predict(host, []Input{p}, opt)
		if err != nil {
			return nil, err
		}
		alone[i] = r.Plugins[0].Verdict
	}
	for i, a := range plugins {
		for j, b := range plugins {
			if i == j {
				continue
			}
			r, err := Predict(host, []Input{a, b}, opt)
			if err != nil {
				return nil, err
			}
			if v := r.Plugins[1]; v.Verdict != alone[j] {
				out.Pairs = append(out.Pairs, Pair{a.Path, b.Path, alone[j], v.Verdict, v.Error})
			}
		}
	}
	return out, out.search(host, plugins, opt)
}

// search opens one plugin after the other, each time the first in the given order that opens.
func (o *Orders) search(host Input, plugins []Input, opt Options) error {
	var order []Input
	left := append([]Input{}, plugins...)
	for len(left) > 0 {
		stuck := true
		var why []string
		for i, p := range left {
			r, err := Predict(host, append(order[:len(order):len(order)], p), opt)
			if err != nil {
				return err
			}
			last := r.Plugins[len(r.Plugins)-1]
			if last.Verdict.opens() {
				order = append(order, p)
				left = append(left[:i:i], left[i+1:]...)
				stuck = false
				break
			}
			why = append(why, fmt.Sprintf("%s: %s%s", p.Path, last.Verdict, suffix(last.Error)))
		}
		if stuck {
			o.Proof = why
			return nil
		}
	}
	o.Safe = []string{}
	for _, p := range order {
		o.Safe = append(o.Safe, p.Path)
	}
	return nil
}

// opens reports whether plugin.Open returns a plugin and nothing speaks against using it.
func (v Verdict) opens() bool { return v == OK || v == Symbol }

func suffix(s *string) string {
	if s == nil {
		return ""
	}
	return ": " + *s
}
