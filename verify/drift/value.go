package drift

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

func newState() *state { return &state{map[loc]entry{}, map[loc]entry{}} }

func (s *state) clone() *state {
	out := newState()
	for i := range s {
		for k, v := range s[i] {
			out[i][k] = v
		}
	}
	return out
}

// get is a place's content. What was never written is named after the place.
func (s *state) get(side int, l loc) value {
	if e, ok := s[side][l]; ok {
		return e.v
	}
	return value{valContent, int64(l)}
}

// merge unites what holds on two ways to one point: what was equal on both stays equal. It reports whether anything was lost.
func (s *state) merge(t *state, fresh func() int64) bool {
	type both struct{ v, w value }
	joined := map[both]value{}
	taken := map[value]bool{}
	changed := false
	for side := range s {
		for l := range t[side] {
			if _, ok := s[side][l]; !ok {
				s[side][l] = entry{v: s.get(side, l)}
			}
		}
	}
	for side := range s {
		for l, e := range s[side] {
			w := t.get(side, l)
			f := e.fresh && t[side][l].fresh
			if n := e.near && t[side][l].near; f != e.fresh || n != e.near {
				e.fresh, e.near = f, n
				s[side][l] = e
			}
			if e.v == w && !(e.v.kind == valClass && taken[e.v]) {
				if e.v.kind == valClass {
					if j, ok := joined[both{e.v, w}]; !ok {
						joined[both{e.v, w}], taken[e.v] = e.v, true
					} else if j != e.v {
						s[side][l] = entry{v: j, fresh: f}
						changed = true
					}
				}
				continue
			}
			j, ok := joined[both{e.v, w}]
			if !ok {
				if j = e.v; e.v.kind != valClass || taken[e.v] {
					j = value{valClass, fresh()}
				}
				taken[e.v] = true
				joined[both{e.v, w}] = j
			}
			if j != e.v {
				s[side][l] = entry{v: j, fresh: f}
				changed = true
			}
		}
	}
	return changed
}
