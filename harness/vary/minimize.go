package vary

import (
	"context"
	"slices"
	"strings"
)

// Test says whether building with exactly these variations on makes a difference.
type Test func(ctx context.Context, names []string) (differs bool, err error)

// Search is how a minimal set is looked for.
type Search struct {
	Seed     uint64
	Most     int      // the most tests that are made; 0 means 64
	Suspects []string // tried alone before anything else, in this order
	tests    int
	seen     map[string]bool
}

// Result is a minimal set, or the smallest that was reached.
type Result struct {
	Guilty  []string // sorted; with these on there is a difference
	Minimal bool     // without any one of them there is none (1-minimality); false: the tests ran out before that was shown
	Tests   int      // that were made; a test that was made before is not made again
}

// Minimize finds a minimal part of names that makes a difference, by Zeller's and Hildebrandt's ddmin ("Simplifying and Isolating Failure-Inducing
// Input", 2002). It relies on two facts that the caller knows: all of names together make a difference, and none of them does not. Sets of
// which only the whole makes a difference (pairs and more) are found as they are. The order of tests depends on the seed alone.
func (s *Search) Minimize(ctx context.Context, names []string, test Test) (Result, error) {
	if s.Most <= 0 {
		s.Most = 64
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	before := s.tests
	list, minimal, err := s.ddmin(ctx, names, test)
	slices.Sort(list)
	return Result{Guilty: list, Minimal: minimal, Tests: s.tests - before}, err
}

// Tests is how many tests were made by all searches so far.
func (s *Search) Tests() int { return s.tests }

func (s *Search) ddmin(ctx context.Context, names []string, test Test) ([]string, bool, error) {
	for _, one := range s.Suspects {
		if !slices.Contains(names, one) || len(names) == 1 {
			continue
		}
		differs, ok, err := s.try(ctx, []string{one}, test)
		if err != nil || differs {
			return []string{one}, ok, err
		}
	}
	list := sorted(names, s.Seed)
	for n := 2; len(list) > 1; {
		parts := split(list, n)
		next, smaller := []string(nil), false
		for _, p := range parts {
			differs, ok, err := s.try(ctx, p, test)
			if err != nil || !ok {
				return list, false, err
			}
			if differs {
				next, smaller, n = p, true, 2
				break
			}
		}
		for i := 0; !smaller && n > 2 && i < len(parts); i++ { // with two parts the complements are the parts
			rest := slices.Concat(slices.Concat(parts[:i]...), slices.Concat(parts[i+1:]...))
			differs, ok, err := s.try(ctx, rest, test)
			if err != nil || !ok {
				return list, false, err
			}
			if differs {
				next, smaller, n = rest, true, max(n-1, 2)
			}
		}
		switch {
		case smaller:
			list = next
		case n >= len(list):
			return list, true, nil
		default:
			n = min(2*n, len(list))
		}
	}
	return list, true, nil
}

// try makes a test, or remembers it. ok is false when there may be no more tests.
func (s *Search) try(ctx context.Context, names []string, test Test) (differs, ok bool, err error) {
	if len(names) == 0 {
		return false, true, nil
	}
	sortedNames := slices.Clone(names)
	slices.Sort(sortedNames)
	key := strings.Join(sortedNames, "\x00")
	if d, known := s.seen[key]; known {
		return d, true, nil
	}
	if s.tests >= s.Most {
		return false, false, nil
	}
	s.tests++
	if differs, err = test(ctx, names); err != nil {
		return false, false, err
	}
	s.seen[key] = differs
	return differs, true, nil
}

// split cuts a list into n parts of nearly equal length, none empty.
func split(list []string, n int) [][]string {
	var parts [][]string
	for i := range n {
		if from, to := i*len(list)/n, (i+1)*len(list)/n; from < to {
			parts = append(parts, list[from:to])
		}
	}
	return parts
}
