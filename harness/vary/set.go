package vary

import (
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// Set is a choice of variations with side B's values. Sets are values: methods return new ones. The zero Set is no choice at all,
// which is not the same as the empty one: see Given.
type Set struct {
	on    uint64 // bit i: row i of the table
	given bool
	value map[string]string // of rows that are on and have another value than the table's; never changed
}

// Default is the set that a correct build survives.
func Default() Set {
	s := Set{given: true}
	for i, v := range table {
		if v.Default {
			s.on |= 1 << i
		}
	}
	return s
}

// None is the empty set.
func None() Set { return Set{given: true} }

// Of is the set of the named rows, with the table's values. It panics on a name that is not in the table.
func Of(names ...string) Set {
	s := None()
	for _, n := range names {
		s.on |= bit(n)
	}
	return s
}

func bit(name string) uint64 {
	i := index(name)
	if i < 0 {
		panic("vary: no variation " + name)
	}
	return 1 << i
}

// Given reports whether s was made by a function of this package and not left out.
func (s Set) Given() bool { return s.given }

// OrDefault is s if it was given, else the default set.
func (s Set) OrDefault() Set {
	if s.given {
		return s
	}
	return Default()
}

// Has reports whether the named row is on.
func (s Set) Has(name string) bool { return s.on&bit(name) != 0 }

// Len is how many rows are on.
func (s Set) Len() int { return bits.OnesCount64(s.on) }

// Names lists the rows that are on, in the table's order.
func (s Set) Names() []string {
	names := []string{}
	for i, v := range table {
		if s.on&(1<<i) != 0 {
			names = append(names, v.Name)
		}
	}
	return names
}

// Value is side B's value of a row: the chosen one, else the table's.
func (s Set) Value(name string) string {
	if v, ok := s.value[name]; ok {
		return v
	}
	return table[index(name)].B
}

// Only is the part of s that is among names.
func (s Set) Only(names ...string) Set { return s.mask(s.on & Of(names...).on) }

// Without is s less the named rows.
func (s Set) Without(names ...string) Set { return s.mask(s.on &^ Of(names...).on) }

func (s Set) mask(on uint64) Set {
	out := Set{on: on, given: true}
	for k, v := range s.value {
		if on&bit(k) != 0 {
			out = out.with(k, v)
		}
	}
	return out
}

func (s Set) with(name, value string) Set {
	s.on |= bit(name)
	s.value = maps.Clone(s.value)
	if s.value == nil {
		s.value = map[string]string{}
	}
	s.value[name] = value
	return s
}

// Equal reports whether the two choose the same.
func (s Set) Equal(o Set) bool {
	return s.on == o.on && s.given == o.given && maps.Equal(s.value, o.value)
}

// String is the set in the grammar, in one way only: Parse gives the same set again.
func (s Set) String() string {
	items := []string{"-all"}
	for _, n := range s.Names() {
		if v, ok := s.value[n]; ok {
			items = append(items, n+"="+v)
			continue
		}
		items = append(items, "+"+n)
	}
	return strings.Join(items, ",")
}

// sorted lists the names in an order that a seed decides, for searching; equal seeds give equal orders.
func sorted(names []string, seed uint64) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	state := seed
	for i := len(out) - 1; i > 0; i-- {
		j := int(next(&state) % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// next is splitmix64, whose sequence is the same in every release of Go.
func next(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
