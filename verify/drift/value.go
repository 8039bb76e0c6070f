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
	gone  bool  // of a register: what was in it was lost on some way here
	size  int64 // in bytes, of a place in the frame
}

// put is the entry of a value that was just put somewhere.
func put(v value) entry { return entry{v: v, fresh: true, near: true} }

// state is what the places of both sides hold at one point of the walk.
type state [2]holdings

// met notes that the ways met, or parted.
func (s *state) met() {
	for side := range s {
		for i := range s[side] {
			s[side][i].near = false
		}
	}
}

func newState() *state {
	s := &state{}
	for side := range s {
		for _, l := range []loc{epochLoc, argsLoc} {
			s[side].put(l, entry{v: value{kind: valClass}})
		}
	}
	return s
}

func (s *state) clone() *state { return &state{s[0].clone(), s[1].clone()} }

// get is a place's content. What was never written is named after the place, and a word of the frame also after when something else may have
// written it last.
func (s *state) get(side int, l loc) value {
	if e, ok := s[side].at(l); ok {
		return e.v
	}
	return s.unwritten(side, l)
}

// unwritten names what a place holds that was never written.
func (s *state) unwritten(side int, l loc) value {
	if l < frameLoc {
		return value{valContent, int64(l)}
	}
	since := epochLoc
	if l >= callerLoc/2 {
		since = argsLoc
	}
	e, _ := s[side].at(since)
	return value{valContent, int64(l) | e.v.n<<32}
}

// both puts one entry into a place of either side.
func (s *state) both(l loc, e entry) {
	s[0].put(l, e)
	s[1].put(l, e)
}

// again renames in a state that comes to a point a second time what it holds of the frame as that was at the point the first time.
func (s *state) again(epoch int64, fresh func() int64) {
	names := map[value]value{}
	for side := range s {
		for i := range s[side] {
			if v := s[side][i].v; v.kind == valContent && v.n>>32 == epoch && epoch != 0 {
				if _, ok := names[v]; !ok {
					names[v] = value{valClass, fresh()}
				}
				s[side][i].v = names[v]
			}
		}
	}
}

// merge unites what holds on two ways to one point: what was equal on both stays equal. It reports whether anything was lost.
func (s *state) merge(t *state, j *joiner) bool {
	changed := false
	j.parted = j.parted[:0]
	for _, l := range []loc{epochLoc, argsLoc} {
		e, _ := s[0].at(l)
		if u, _ := t[0].at(l); e.v.n != u.v.n {
			t.again(e.v.n, j.fresh)
		}
	}
	for side := range s {
		s.adopt(side, t[side])
		kept := s[side][:0]
		k := 0
		for _, e := range s[side] {
			for k < len(t[side]) && t[side][k].l < e.l {
				k++
			}
			var u entry
			w := value{}
			if k < len(t[side]) && t[side][k].l == e.l {
				u = t[side][k].entry
				w = u.v
			} else {
				w = t.unwritten(side, e.l)
			}
			if e.l >= fieldLoc {
				if changed = changed || e.v != w; e.v == w {
					kept = append(kept, e)
				}
				continue
			}
			f := e.fresh && u.fresh
			if n, g := e.near && u.near, e.gone || u.gone; f != e.fresh || n != e.near || g != e.gone {
				changed = changed || g != e.gone
				e.fresh, e.near, e.gone = f, n, g
			}
			if e.v != w {
				j.parted = append(j.parted, parting{side, e.l, w})
			}
			kept = append(kept, e)
		}
		s[side] = kept
	}
	if len(j.parted) == 0 {
		return changed
	}
	return s.part(t, j) || changed
}

// adopt gives a side the places that only t has.
func (s *state) adopt(side int, t holdings) {
	for i := range t {
		if l := t[i].l; l < fieldLoc {
			if _, ok := s[side].find(l); !ok {
				s[side].put(l, entry{v: s.unwritten(side, l), size: t[i].size})
			}
		}
	}
}

// parting is a place that holds something else on the second way.
type parting struct {
	side int
	l    loc
	w    value
}

// joiner unites states. Its tables are used again and again.
type joiner struct {
	fresh   func() int64
	named   func(side int, v value) value
	parted  []parting
	joined  map[[2]value]value
	taken   map[value]bool
	classes map[value]bool // that are elsewhere on the second way: where they stay, they keep the name
}

func newJoiner(fresh func() int64, named func(side int, v value) value) *joiner {
	return &joiner{fresh: fresh, named: named, joined: map[[2]value]value{}, taken: map[value]bool{}, classes: map[value]bool{}}
}

// reset empties the tables. One that grew large would take long to empty.
func (j *joiner) reset() {
	const large = 1 << 9
	if len(j.joined)+len(j.taken)+len(j.classes) > large {
		*j = *newJoiner(j.fresh, j.named)
		return
	}
	clear(j.joined)
	clear(j.taken)
	clear(j.classes)
}

// part gives new names to what is not the same on two ways to one point: one name to the places that hold the same on either.
func (s *state) part(t *state, j *joiner) (changed bool) {
	defer j.reset()
	for _, p := range j.parted {
		if v := s.get(p.side, p.l); v.kind == valClass {
			j.classes[v] = true
		}
	}
	for side := range s {
		for _, e := range s[side] {
			if len(j.classes) > 0 && e.v.kind == valClass && e.l < fieldLoc && j.classes[e.v] && t.get(side, e.l) == e.v {
				j.joined[[2]value{e.v, e.v}], j.taken[e.v] = e.v, true
			}
		}
	}
	for _, p := range j.parted {
		i, _ := s[p.side].find(p.l)
		e := &s[p.side][i].entry
		key := [2]value{j.named(p.side, e.v), j.named(p.side, p.w)}
		one, ok := j.joined[key]
		if !ok {
			if one = e.v; e.v.kind != valClass || j.taken[e.v] {
				one = value{valClass, j.fresh()}
			}
			j.taken[e.v] = true
			j.joined[key] = one
		}
		if one != e.v {
			e.v, e.near = one, false
			changed = true
		}
	}
	return changed
}
