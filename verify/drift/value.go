package drift

import "maps"

// valueKind tells what is known of a value.
type valueKind byte

const (
	valContent valueKind = iota // what a place held before the function wrote to it; n is the place
	valClass                    // the result of an event that both sides have in common; n numbers it
	valConst
	valAddr  // an address of the file; n is an index into walk.places
	valFrame // an address in the frame; n is the offset from the stack pointer
	valData  // a constant in memory; n as for valAddr
)

// value is what a register or a word of the frame holds. Equal values of the two sides are equal in fact, if the sides agreed so far.
type value struct {
	kind valueKind
	n    int64
}

// entry is a value in its place. fresh says that no event has used it since it was put there: the compiler puts nothing anywhere that is not used.
// near says that this was since the ways met last: what the compiler prepares for another way may be there unused.
type entry struct {
	v     value
	fresh bool
	near  bool
	gone  bool  // of a register: what was in it was lost on some way here
	size  int64 // in bytes, of a place in the frame
}

// put is the entry of a value that was just put somewhere.
func put(v value) entry { return entry{v: v, fresh: true, near: true} }

// state is what the places of both sides hold at one point of the walk.
type state [2]map[loc]entry

// met notes that the ways met, or parted.
func (s *state) met() {
	for i := range s {
		for l, e := range s[i] {
			if e.near {
				e.near = false
				s[i][l] = e
			}
		}
	}
}

func newState() *state {
	s := &state{}
	for side := range s {
		s[side] = map[loc]entry{epochLoc: {v: value{kind: valClass}}, argsLoc: {v: value{kind: valClass}}}
	}
	return s
}

func (s *state) clone() *state { return &state{maps.Clone(s[0]), maps.Clone(s[1])} }

// get is a place's content. What was never written is named after the place, and a word of the frame also after when something else may have
// written it last.
func (s *state) get(side int, l loc) value {
	if e, ok := s[side][l]; ok {
		return e.v
	}
	if l < frameLoc {
		return value{valContent, int64(l)}
	}
	since := epochLoc
	if l >= callerLoc/2 {
		since = argsLoc
	}
	return value{valContent, int64(l) | s[side][since].v.n<<32}
}

// again renames in a state that comes to a point a second time what it holds of the frame as that was at the point the first time.
func (s *state) again(epoch int64, fresh func() int64) {
	names := map[value]value{}
	for side := range s {
		for l, e := range s[side] {
			if e.v.kind == valContent && e.v.n>>32 == epoch && epoch != 0 {
				if _, ok := names[e.v]; !ok {
					names[e.v] = value{valClass, fresh()}
				}
				e.v = names[e.v]
				s[side][l] = e
			}
		}
	}
}

// merge unites what holds on two ways to one point: what was equal on both stays equal. It reports whether anything was lost.
func (s *state) merge(t *state, fresh func() int64, named func(side int, v value) value) bool {
	type both struct{ v, w value }
	joined := map[both]value{}
	taken := map[value]bool{}
	changed := false
	for _, l := range []loc{epochLoc, argsLoc} {
		if e := s[0][l].v.n; e != t[0][l].v.n {
			t.again(e, fresh)
		}
	}
	for side := range s {
		for l := range t[side] {
			if _, ok := s[side][l]; !ok && l < fieldLoc {
				s[side][l] = entry{v: s.get(side, l), size: t[side][l].size}
			}
		}
	}
	for side := range s {
		for l, e := range s[side] {
			w := t.get(side, l)
			if l >= fieldLoc {
				if e.v != w {
					delete(s[side], l)
					changed = true
				}
				continue
			}
			u := t[side][l]
			f := e.fresh && u.fresh
			if n, g := e.near && u.near, e.gone || u.gone; f != e.fresh || n != e.near || g != e.gone {
				changed = changed || g != e.gone
				e.fresh, e.near, e.gone = f, n, g
				s[side][l] = e
			}
			if e.v == w && e.v.kind != valClass {
				continue
			}
			key := both{named(side, e.v), named(side, w)}
			if e.v == w && !(e.v.kind == valClass && taken[e.v]) {
				if e.v.kind == valClass {
					if j, ok := joined[key]; !ok {
						joined[key], taken[e.v] = e.v, true
					} else if j != e.v {
						s[side][l] = entry{v: j, fresh: f, gone: e.gone, size: e.size}
						changed = true
					}
				}
				continue
			}
			j, ok := joined[key]
			if !ok {
				if j = e.v; e.v.kind != valClass || taken[e.v] {
					j = value{valClass, fresh()}
				}
				taken[e.v] = true
				joined[key] = j
			}
			if j != e.v {
				s[side][l] = entry{v: j, fresh: f, gone: e.gone, size: e.size}
				changed = true
			}
		}
	}
	return changed
}
