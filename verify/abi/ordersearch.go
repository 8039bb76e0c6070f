package abi

import "fmt"

// maxOpens bounds the opens that are simulated to find an order after the first try failed.
const maxOpens = 20_000

// search looks for an order in which every plugin opens. The first try is the order that the pairs ask for. If that ends before all are open, the
// others are tried, as many as maxOpens allows.
func (s *ordering) search(out *Orders) error {
	if why := s.impossible(); len(why) > 0 {
		out.Proof = why
		return nil
	}
	order, err := s.byPairs()
	var stuck []string
	all := false
	if err == nil && order == nil {
		order, stuck, all, err = s.try(nil, make([]bool, len(s.plugins)))
	}
	switch {
	case err != nil:
		return err
	case order != nil:
		out.Safe = []string{}
		for _, i := range order {
			out.Safe = append(out.Safe, s.plugins[i].Path)
		}
	case all:
		out.Proof = append([]string{"every order was tried; the first of them ends with:"}, stuck...)
	default:
		out.Proof = nil
	}
	return nil
}

// impossible says why no order exists where that follows from one plugin or from two. Of two that both define a package, with different fingerprints,
// or a plugin path, whichever is opened later is refused, whatever is opened besides: the first definition in the process is that of one of them or
// another one's, and cannot have both fingerprints. That is so when each refuses to open after the other for that reason.
func (s *ordering) impossible() (why []string) {
	for i, p := range s.alone {
		if !p.Verdict.opens() && s.never(p) {
			why = append(why, fmt.Sprintf("%s: %s in every order%s", p.Path, p.Verdict, suffix(p.Error)))
		}
		for j := range i {
			a, b := s.after[j][i], s.after[i][j]
			if p.Verdict.opens() && s.alone[j].Verdict.opens() && excludes(a, s.plugins[j].Path) && excludes(b, s.plugins[i].Path) && s.plugins[i].Real != s.plugins[j].Real {
				why = append(why, fmt.Sprintf("%s and %s exclude each other: %s: %s%s; %s: %s%s", s.plugins[j].Path, s.plugins[i].Path,
					a.Path, a.Verdict, suffix(a.Error), b.Path, b.Verdict, suffix(b.Error)))
			}
		}
	}
	return why
}

// never reports whether a plugin that does not open first does not open later either: it has a package that the host has, too, with another
// fingerprint, or it is no plugin at all. What the loader misses, another plugin may bring.
func (s *ordering) never(p *Plugin) bool {
	switch p.Verdict {
	case HostCannotLoad, NotFound, NotAPlugin:
		return true
	case Mismatch:
		for _, d := range p.Mismatches {
			if d.Owner == "" {
				return true
			}
		}
	}
	return false
}

// excludes reports whether a plugin is refused for what one before it defines.
func excludes(p *Plugin, by string) bool {
	if p.Verdict == AlreadyLoaded {
		return true
	}
	if p.Verdict != Mismatch {
		return false
	}
	for _, d := range p.Mismatches {
		if d.Owner == by {
			return true
		}
	}
	return false
}

// byPairs is the order that the pairs ask for, nil when not all open in it.
func (s *ordering) byPairs() ([]int, error) {
	order := []int{}
	used := make([]bool, len(s.plugins))
	for range s.plugins {
		i := s.candidates(used)[0]
		order, used[i] = append(order, i), true
	}
	r, err := s.predict(order)
	if err != nil {
		return nil, err
	}
	for i := range r.Plugins {
		if !r.Plugins[i].Verdict.opens() {
			return nil, nil
		}
	}
	return order, nil
}

// try opens the rest of the plugins after those in order. It returns a whole order, or nil; then what stood in the way where the first try ended,
// and whether all orders were tried.
func (s *ordering) try(order []int, used []bool) (found []int, stuck []string, all bool, err error) {
	if len(order) == len(s.plugins) {
		return append([]int{}, order...), nil, true, nil
	}
	all = true
	for _, i := range s.candidates(used) {
		if s.opens > maxOpens {
			return nil, stuck, false, nil
		}
		next := append(order[:len(order):len(order)], i)
		p, err := s.last(next...)
		if err != nil {
			return nil, nil, false, err
		}
		if !p.Verdict.opens() {
			s.opens += len(next)
			stuck = append(stuck, fmt.Sprintf("%s: %s%s", p.Path, p.Verdict, suffix(p.Error)))
			continue
		}
		used[i] = true
		found, why, whole, err := s.try(next, used)
		used[i] = false
		if err != nil || found != nil {
			return found, nil, whole, err
		}
		if stuck == nil {
			stuck = why
		}
		s.opens += len(next)
		all = all && whole
	}
	return nil, stuck, all, nil
}

// candidates are the plugins that are left: in their given order, but those behind that refuse to open before another that is left.
func (s *ordering) candidates(used []bool) []int {
	var free, late []int
	for i := range s.plugins {
		if used[i] {
			continue
		}
		waits := false
		for j := range s.plugins {
			if i != j && !used[j] && s.alone[j].Verdict.opens() && !s.after[i][j].Verdict.opens() && s.after[j][i].Verdict.opens() {
				waits = true
				break
			}
		}
		if waits {
			late = append(late, i)
		} else {
			free = append(free, i)
		}
	}
	return append(free, late...)
}

// opens reports whether plugin.Open returns a plugin and nothing speaks against using it.
func (v Verdict) opens() bool { return v == OK || v == Symbol }

func suffix(s *string) string {
	if s == nil {
		return ""
	}
	return ": " + *s
}
