package elfdiff

import "encoding/binary"

// armCode finds what words and instructions of 32-bit ARM code refer to.
type armCode struct {
	x, y  []byte
	users map[int][]int // offset of a literal -> offsets of the instructions that add pc to it
	done  bool
}

func newARMCode(x, y []byte) *armCode { return &armCode{x: x, y: y} }

// armReference explains the differing byte i: a branch, a word of a literal pool, or a movw/movt pair, which lead to the same place
// in both files. It returns how many bytes from i on are explained.
func (c *comparison) armReference(k *armCode, i int, q piece) int {
	le := binary.LittleEndian
	j := i - int((q.a+uint64(i))&3)
	if j < 0 || j+4 > len(k.x) || (q.a^q.b)&3 != 0 {
		return 0
	}
	done := j + 4 - i
	u, v := le.Uint32(k.x[j:]), le.Uint32(k.y[j:])
	pa, pb := uint32(q.a)+uint32(j), uint32(q.b)+uint32(j)
	if u>>24 == v>>24 && u>>25&7 == 5 { // B, BL, BLX: a signed word offset from pc+8
		at, bt := pa+8+uint32(int32(u<<8)>>6), pb+8+uint32(int32(v<<8)>>6)
		if c.addrs.same(uint64(at), uint64(bt)) {
			return done
		}
	}
	k.index()
	for _, at := range k.users[j] { // a literal, to which `add rX, pc` or `ldr rX, [pc, rX]` at `at` adds pc+8
		s, t := uint32(q.a)+uint32(at)+8+u, uint32(q.b)+uint32(at)+8+v
		if c.addrs.same(uint64(s), uint64(t)) || addsPC(le.Uint32(k.x[at:]), anyRegister) && c.sameContent(uint64(s), uint64(t), 0, c.inC(uint64(pa))) {
			return done
		}
	}
	if isMovw(u) || isMovt(u) {
		if c.movPair(k, j, q) {
			return done
		}
	}
	if c.thumbLiteral(k, j, q, u, v) {
		return done
	}
	switch { // an address; a self-relative word, as in jump tables; an offset from the GOT, as in C's literal pools
	case c.fixed() && c.addrs.same(uint64(u), uint64(v)):
		return done
	case c.addrs.same(uint64(pa+u), uint64(pb+v)):
		return done
	case c.baseA.got != 0 && c.addrs.same(uint64(uint32(c.baseA.got)+u), uint64(uint32(c.baseB.got)+v)):
		return done
	}
	return 0
}

// thumbLiteral explains a word to which Thumb's `add rX, pc` adds its address + 4. The C compiler's start-up files are Thumb code.
func (c *comparison) thumbLiteral(k *armCode, j int, q piece, u, v uint32) bool {
	le := binary.LittleEndian
	for i := max(0, j-256) &^ 1; i < j; i += 2 {
		if le.Uint16(k.x[i:])&0xff78 != 0x4478 {
			continue
		}
		if c.addrs.same(uint64(uint32(q.a)+uint32(i)+4+u), uint64(uint32(q.b)+uint32(i)+4+v)) {
			return true
		}
	}
	return false
}

// index walks the code once: `ldr rX, [pc, #imm]` loads a literal; the next instructions that combine rX with pc are its users.
func (k *armCode) index() {
	if k.done {
		return
	}
	k.done = true
	k.users = map[int][]int{}
	le := binary.LittleEndian
	for i := 0; i+4 <= len(k.x); i += 4 {
		w := le.Uint32(k.x[i:])
		if w&0x0f7f0000 != 0x051f0000 { // ldr rX, [pc, #+-imm12]
			continue
		}
		imm := int(w & 0xfff)
		if w&(1<<23) == 0 {
			imm = -imm
		}
		lit := i + 8 + imm
		if lit < 0 || lit+4 > len(k.x) {
			continue
		}
		r := w >> 12 & 15
		for n, j := 0, i+4; n < 64 && j+4 <= len(k.x); n, j = n+1, j+4 {
			if usesPC(le.Uint32(k.x[j:]), r) && len(k.users[lit]) < 16 {
				k.users[lit] = append(k.users[lit], j)
			}
		}
	}
}

// anyRegister stands for every register.
const anyRegister = 16

// addsPC: add rD, pc, rX; add rD, rX, pc.
func addsPC(w, r uint32) bool {
	if w&0x0ff00ff0 != 0x00800000 { // add, register, no shift
		return false
	}
	n, m := w>>16&15, w&15
	return n == 15 && (m == r || r == anyRegister) || m == 15 && (n == r || r == anyRegister)
}

// usesPC: the same, and ldr/str rD, [pc, rX].
func usesPC(w, r uint32) bool {
	switch {
	case addsPC(w, r):
		return true
	case w&0x0f600ff0 == 0x07000000 || w&0x0fe00ff0 == 0x07800000: // ldr/str rD, [pc, rX]
		return w>>16&15 == 15 && w&15 == r
	}
	return false
}

func isMovw(w uint32) bool { return w&0x0ff00000 == 0x03000000 }
func isMovt(w uint32) bool { return w&0x0ff00000 == 0x03400000 }
func movImm(w uint32) uint32 {
	return w>>4&0xf000 | w&0xfff
}

// movPair joins the movw and the movt of one register around j and follows their sum from the instructions that add pc.
func (c *comparison) movPair(k *armCode, j int, q piece) bool {
	le := binary.LittleEndian
	r := le.Uint32(k.x[j:]) >> 12 & 15
	lo, hi := -1, -1
	for i := max(0, j-32) &^ 3; i <= j+32 && i+4 <= len(k.x); i += 4 {
		w := le.Uint32(k.x[i:])
		if w>>12&15 != r {
			continue
		}
		if isMovw(w) && (lo < 0 || i <= j) {
			lo = i
		}
		if isMovt(w) && (hi < 0 || hi < lo) {
			hi = i
		}
	}
	if lo < 0 || hi < 0 {
		return false
	}
	u := movImm(le.Uint32(k.x[hi:]))<<16 | movImm(le.Uint32(k.x[lo:]))
	v := movImm(le.Uint32(k.y[hi:]))<<16 | movImm(le.Uint32(k.y[lo:]))
	for n, i := 0, max(lo, hi)+4; n < 64 && i+4 <= len(k.x); n, i = n+1, i+4 {
		if !usesPC(le.Uint32(k.x[i:]), r) {
			continue
		}
		s, t := uint64(uint32(q.a)+uint32(i)+8+u), uint64(uint32(q.b)+uint32(i)+8+v)
		if c.addrs.same(s, t) || addsPC(le.Uint32(k.x[i:]), r) && c.sameContent(s, t, 0, c.inC(q.a+uint64(j))) {
			return true
		}
	}
	return false
}
