package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/fixtures/leaks"
)

// pair is a leak, built by one Go for one architecture.
type pair struct {
	leak     *leaks.Leak
	goName   string
	arch     string
	building string // what a build cache must hold for it: pairs with one value follow each other
}

func (p pair) name() string { return p.leak.Name + "/" + p.goName + "/" + p.arch }

// shortGo is the only release of the subset for every day.
const shortGo, shortArch = "go1.26.8", "amd64"

func casesOf(all []*leaks.Leak, short bool, match *regexp.Regexp) []pair {
	var out []pair
	for _, l := range all {
		for _, g := range l.Go {
			for _, arch := range l.Arch {
				p := pair{leak: l, goName: g, arch: arch}
				if short && (!l.Short || g != shortGo || arch != shortArch) || !match.MatchString(p.name()) {
					continue
				}
				p.building = fmt.Sprint(arch, g, strings.Fields(fmt.Sprint(l.Both.Flags, l.A.Flags, l.B.Flags, l.A.Go, l.B.Go)))
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y pair) int { return cmp.Compare(x.building, y.building) })
	return out
}
