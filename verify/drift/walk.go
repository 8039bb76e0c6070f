package drift

import (
	"fmt"
	"runtime"
	"strings"
)

// walk follows one function in both files at once. The compiler makes host and plugin from the same intermediate code, up to the register
// allocator: -dynlink takes one register away and reaches data through the global offset table. So, moves apart, both sides must do the same
// things with the same values in the same order; a value is followed through registers and the frame, wherever each side keeps it.
type walk struct {
	c       *comparison
	fn      [2]*function
	list    [2]*listing
	leaders [2]map[uint64]bool
	frame   [2]int64
	states  map[[2]uint64]*state
	joiner  *joiner
	queue   [][2]uint64
	classes int64
	steps   int
	places  [2][]place // by number; of the side that has not met it, the zero place
	number  [2]map[place]int64
	memory  [2]memory
	alike   bool      // the variables of both sides are known
	more    [2]uint64 // where the function asks for more stack
	pieces  map[piece]value
	wholes  map[[2]value]value // by their two halves
	beside  map[field]loc      // words in memory of which it is remembered what was put there
	puts    [2][]written
	vector  bool      // there were instructions that the decoder does not know well
	out     int64     // bytes above the stack pointer where arguments and results of calls lie, as far as is known
	doubt   string    // why the two cannot be shown equal
	now     [2]uint64 // the instructions that are compared
}

// differs ends a walk: the two do not do the same.
type differs struct{ why string }

// maxSteps bounds the events of one walk; the largest functions of the standard library need 200,000.
const maxSteps = 1 << 21

// maxAll bounds the events of a comparison; all of a large program's packages need a tenth of it.
const maxAll = 1 << 27

func (w *walk) space(side int) *space {
	if side == 0 {
		return w.c.host
	}
	return w.c.plugin
}

func (w *walk) undecided(format string, args ...any) {
	if w.doubt == "" {
		w.doubt = fmt.Sprintf(format, args...) + fmt.Sprintf(" (at +%#x and +%#x)", w.now[0]-w.fn[0].addr, w.now[1]-w.fn[1].addr)
	}
}

// run compares. It returns why the functions differ, or why it cannot be told; both are "" when they are the same.
func (w *walk) run() (different, doubt string) {
	defer func() {
		if r := recover(); r != nil {
			d, ok := r.(differs)
			if e, hostile := r.(runtime.Error); hostile { // instructions that no compiler writes
				doubt = "its code cannot be followed: " + e.Error()
				return
			} else if !ok {
				panic(r)
			}
			if w.vector {
				w.undecided("vector instructions, and %s", d.why)
				doubt = w.doubt
				return
			}
			different = fmt.Sprintf("%s (at +%#x and +%#x)", d.why, w.now[0]-w.fn[0].addr, w.now[1]-w.fn[1].addr)
		}
	}()
	var start [2]uint64
	for side := range 2 {
		w.leaders[side] = map[uint64]bool{}
		w.number[side] = map[place]int64{}
		code, err := w.space(side).file.ReadAddr(w.fn[side].addr, w.fn[side].size)
		if err != nil {
			return "", "its code cannot be read"
		}
		w.list[side] = newListing(w.fn[side], code, w.c.unit)
		w.scan(side)
		start[side] = w.prologue(side)
		w.memory[side] = w.remember(side, start[side])
		w.out = max(w.out, w.memory[side].end)
	}
	w.alike = !w.memory[0].lost && !w.memory[1].lost && len(w.memory[0].taken) == len(w.memory[1].taken)
	w.pieces, w.wholes, w.beside = map[piece]value{}, map[[2]value]value{}, map[field]loc{}
	w.states, w.now, w.joiner = map[[2]uint64]*state{}, start, newJoiner(w.class, w.named)
	first := newState()
	for side := range 2 {
		for _, r := range w.c.dec.results() {
			if w.absent(side)>>uint(r)&1 == 1 {
				first[side].put(r, entry{v: value{valContent, int64(r)}, gone: true})
			}
		}
	}
	w.arrive(start, first)
	for len(w.queue) > 0 && w.doubt != tooLong {
		at := w.queue[0]
		w.queue = w.queue[1:]
		w.block(at, w.states[at].clone())
	}
	return "", w.doubt
}

const tooLong = "it is too long to be followed"

// scan decodes from the first instruction to the last, for the targets of jumps and what calls take.
func (w *walk) scan(side int) {
	fn := w.fn[side]
	for pc := fn.addr; pc < fn.addr+fn.size; {
		in := w.inst(side, pc)
		if in.kind == kindBad {
			pc += w.c.unit
			continue
		}
		if (in.kind == kindCond || in.kind == kindJump) && in.target != 0 {
			w.leaders[side][in.target] = true
		}
		if f := w.space(side).functions.at(in.target); in.kind == kindCall && f != nil && f.args > 0 && f.args < 1<<16 {
			w.out = max(w.out, w.c.dec.linkSize()*w.c.outLink()+int64(f.args))
		}
		pc = in.next
	}
}

// inst decodes at pc. Outside the function there is only kindStop.
func (w *walk) inst(side int, pc uint64) inst { return w.list[side].inst(w.c.dec, pc) }

// prologue finds the first instruction after the check for room on the stack, which depends on the frame's size, and measures the frame.
func (w *walk) prologue(side int) uint64 {
	start := w.fn[side].addr
	pc := start
	for i, checks := 0, 0; i < 16 && checks < 3; i++ {
		in := w.inst(side, pc)
		if in.kind == kindCond {
			if !w.morestack(side, in.target) {
				break
			}
			start, checks = in.next, checks+1
			if w.more[side] == 0 {
				w.more[side] = in.target
			}
		} else if in.kind == kindCall || in.kind == kindRet || in.kind == kindJump || in.kind == kindBad || in.kind == kindStop {
			break
		}
		pc = in.next
	}
	pc = start
	for range 8 {
		in := w.inst(side, pc)
		if in.kind != kindNop && in.kind != kindMove && in.kind != kindLEA || in.frame < 0 {
			break
		}
		w.frame[side] += in.frame
		pc = in.next
	}
	return start
}

// morestack reports whether what stands at pc asks for more stack.
func (w *walk) morestack(side int, pc uint64) bool {
	for range 64 {
		in := w.inst(side, pc)
		switch in.kind {
		case kindCall:
			f := w.space(side).functions.at(in.target)
			return f != nil && strings.HasPrefix(f.name, "runtime.morestack")
		case kindNop, kindMove:
			pc = in.next
		case kindJump:
			pc = in.target
		default:
			return false
		}
	}
	return false
}

// arrive brings a state to a point of both functions.
func (w *walk) arrive(at [2]uint64, st *state) {
	st.met()
	for side := range 2 {
		at[side], _ = w.advance(side, at[side], st, true)
	}
	w.compareWritten()
	old, ok := w.states[at]
	if !ok {
		w.states[at] = st
		w.queue = append(w.queue, at)
	} else if old.merge(st, w.joiner) {
		w.queue = append(w.queue, at)
	}
}

// named is a value in a form that is the same on both sides: an address in the frame is known by the word there.
func (w *walk) named(side int, v value) value {
	if v.kind == valFrame {
		v.n = int64(w.slotAt(side, v.n))
	}
	return v
}

func (w *walk) class() int64 {
	w.classes++
	return w.classes
}

// block follows events from one point to where the ways part or meet.
func (w *walk) block(at [2]uint64, st *state) {
	for {
		w.c.steps++
		if w.steps++; w.steps > maxSteps || w.c.steps > maxAll || len(w.states) > maxSteps/64 {
			w.doubt = tooLong
			return
		}
		x, y := w.inst(0, at[0]), w.inst(1, at[1])
		if x.kind == kindBad || y.kind == kindBad {
			w.bad(x, y)
			return
		}
		w.now = at
		if side := w.extends(x, y); side >= 0 {
			in := []inst{x, y}[side]
			v := w.resolve(side, in.src[0], st).v
			st[side].put(in.dst[0], put(v))
			w.undecided("%s on one side only", strings.TrimSpace(in.op))
			next := at
			next[side] = in.next
			w.arrive(next, st)
			return
		}
		next, done := w.event(x, y, st)
		if done {
			return
		}
		crossed := false
		for side := range 2 {
			var met bool
			next[side], met = w.advance(side, next[side], st, false)
			crossed = crossed || met
		}
		if crossed {
			w.arrive(next, st)
			return
		}
		w.compareWritten()
		at = next
	}
}

// extends finds an extension of a small number that only one side has: the compiler leaves it out behind a load that extends already, and
// what the register allocator spilled is loaded again. It returns the side, or -1.
func (w *walk) extends(x, y inst) int {
	ext := func(in inst) bool {
		switch in.op {
		case "UXTB", "SXTB", "UXTH", "SXTH":
			return in.kind == kindOp && len(in.src) == 1
		}
		return false
	}
	switch {
	case ext(x) && x.op != y.op:
		return 0
	case ext(y) && x.op != y.op:
		return 1
	}
	return -1
}

func (w *walk) bad(x, y inst) {
	if x.kind == kindBad {
		w.undecided("%s in the host's code", x.op)
		return
	}
	w.undecided("%s in the plugin's code", y.op)
}

// advance applies moves from pc on and returns where the next event is. Unless cross is set it stops where another way joins, and says so.
func (w *walk) advance(side int, pc uint64, st *state, cross bool) (uint64, bool) {
	for range 1 << 12 {
		in := w.inst(side, pc)
		if !cross && (w.leaders[side][pc] || in.kind == kindJump) {
			return pc, true
		}
		switch in.kind {
		case kindNop:
			pc = in.next
		case kindJump:
			if w.leaves(side, in.target) {
				return pc, false
			}
			pc = in.target
		case kindMove, kindLEA:
			if !w.move(side, in, st) {
				return pc, false
			}
			pc = in.next
		case kindOp:
			if !w.fold(side, in, st) {
				return pc, false
			}
			pc = in.next
		default:
			return pc, false
		}
	}
	return pc, false
}

// leaves reports whether an address is outside the function.
func (w *walk) leaves(side int, target uint64) bool {
	fn := w.fn[side]
	return target < fn.addr || target >= fn.addr+fn.size
}
