package drift

import (
	"strconv"
	"strings"
	"sync"

	"golang.org/x/arch/arm/armasm"
)

// arm decodes what Go's compiler and assembler write for 32-bit arm.
type arm struct{}

const (
	armSP, armLR, armPC = 13, 14, 15
)

func (arm) sp() loc         { return armSP }
func (arm) zero() loc       { return noLoc }
func (arm) results() []loc  { return nil } // ABI0: all lies on the stack
func (arm) linkSize() int64 { return 4 }
func (arm) g() loc          { return 10 }

var armInverse = map[string]string{"EQ": "NE", "CS": "CC", "MI": "PL", "VS": "VC", "HI": "LS", "GE": "LT", "GT": "LE"}

func (arm) inverse(cond string) string {
	for a, b := range armInverse {
		if cond == a {
			return b
		} else if cond == b {
			return a
		}
	}
	return ""
}

// armReg gives a register's place. Go uses the even single-precision registers, as the lower halves of the double ones.
func armReg(r armasm.Reg) loc {
	switch {
	case r <= armasm.R15:
		return loc(r)
	case r >= armasm.S0 && r <= armasm.S31:
		return floatLoc + loc(r-armasm.S0)/2
	case r >= armasm.D0 && r <= armasm.D31:
		return floatLoc + loc(r-armasm.D0)
	case r == armasm.FPSCR:
		return fpFlags
	}
	return flagsLoc
}

// decoding guards armasm, which notes in a global variable what it decoded.
var decoding sync.Mutex

func (d arm) decode(code []byte, addr uint64) inst {
	decoding.Lock()
	defer decoding.Unlock()
	x, err := armasm.Decode(code, armasm.ModeARM)
	if err != nil {
		return inst{addr: addr, kind: kindBad, op: unknown}
	}
	in := inst{addr: addr, next: addr + 4, kind: kindOp, op: x.Op.String()}
	if x.Enc == 0 { // what Go's assembler writes for NOP
		in.kind = kindNop
		return in
	}
	if r, ok := x.Args[0].(armasm.Reg); ok && r >= armasm.S0 && r <= armasm.S31 && (strings.HasPrefix(in.op, "VLDR") || strings.HasPrefix(in.op, "VSTR")) {
		in.op += single
	}
	var args []arg
	for _, a := range x.Args {
		switch a := a.(type) {
		case nil:
		case armasm.Reg:
			args = append(args, regArg(armReg(a)))
		case armasm.RegX:
			in.op += string(rune('0' + a.Index))
			args = append(args, regArg(armReg(a.Reg)))
		case armasm.Imm:
			args = append(args, immArg(int64(a)))
		case armasm.ImmAlt:
			args = append(args, immArg(int64(a.Imm())))
		case armasm.Float32Imm, armasm.Float64Imm, armasm.Endian:
			in.op += " " + a.String()
		case armasm.PCRel:
			in.target = uint64(uint32(addr + 8 + uint64(int64(a))))
			args = append(args, immArg(0))
		case armasm.Label:
			in.target = uint64(a)
		case armasm.RegShift:
			in.op += " " + strings.TrimPrefix(a.String(), a.Reg.String())
			args = append(args, regArg(armReg(a.Reg)))
		case armasm.RegShiftReg:
			in.op += " " + strings.Fields(strings.TrimPrefix(a.String(), a.Reg.String()))[0]
			args = append(args, regArg(armReg(a.Reg)), regArg(armReg(a.RegCount)))
		case armasm.RegList:
			for r := range loc(16) {
				if a&(1<<uint(r)) != 0 {
					args = append(args, regArg(r))
				}
			}
		case armasm.Mem:
			m, ok := d.mem(&in, a)
			if !ok {
				return inst{addr: addr, kind: kindBad, op: x.String()}
			}
			args = append(args, m)
		default:
			return inst{addr: addr, kind: kindBad, op: x.String()}
		}
	}
	d.meaning(&in, args)
	if in.kind == kindOp && len(in.dst) == 1 && len(code) >= 8 {
		if y, err := armasm.Decode(code[4:], armasm.ModeARM); err == nil && y.Args[0] == x.Args[0] {
			if _, mine, ok := strings.Cut(x.Op.String(), "."); ok {
				if _, other, ok := strings.Cut(y.Op.String(), "."); ok && d.inverse(mine) == other { // one of the two writes
					in.src = in.src[:len(in.src)-2]
					in.src = append(in.src[:len(in.src):len(in.src)], regArg(flagsLoc))
				}
			}
		}
	}
	return in
}

// writeback marks loads and stores that change their base register.
const writeback = " writeback"

func (arm) mem(in *inst, m armasm.Mem) (arg, bool) {
	a := arg{kind: argMem, base: armReg(m.Base), index: noLoc, scale: 1, disp: int64(m.Offset), size: 4}
	if m.Sign != 0 {
		a.index = armReg(m.Index)
		if m.Count != 0 || m.Shift != armasm.ShiftLeft {
			if m.Shift != armasm.ShiftLeft || m.Sign < 0 {
				return a, false
			}
			a.scale = 1 << m.Count
		}
		if m.Sign < 0 {
			a.scale = -1
		}
	}
	switch m.Mode {
	case armasm.AddrPostIndex:
		in.op += " post" + strconv.FormatInt(a.disp, 10) + writeback
		a.disp = 0
	case armasm.AddrPreIndex, armasm.AddrLDM_WB:
		in.op += writeback
	}
	if m.Base == armasm.PC {
		a.base, a.abs = noLoc, true
		a.disp += int64(in.addr) + 8
	}
	return a, true
}

// meaning fills in what an instruction reads and writes.
func (d arm) meaning(in *inst, args []arg) {
	full := strings.Fields(in.op)[0]
	parts := strings.Split(full, ".")
	name, cond, sets := parts[0], "", false
	for _, p := range parts[1:] {
		switch {
		case p == "S":
			sets = true
		case d.inverse(p) != "":
			cond = p
		}
	}
	in.src = args
	reg := func(i int, r loc) bool { return i < len(args) && args[i].kind == argReg && args[i].reg == r }
	toPC := reg(0, armPC)
	wb := strings.HasSuffix(in.op, writeback)
	onStack := len(args) > 1 && args[len(args)-1].kind == argMem && args[len(args)-1].base == armSP
	switch {
	case name == "NOP" || name == "PLD":
		in.kind = kindNop
	case name == "B" && cond == "":
		in.kind = kindJump
	case name == "B":
		in.kind, in.cond, in.src = kindCond, cond, []arg{regArg(flagsLoc)}
	case (name == "BL" || name == "BLX") && cond == "":
		in.kind = kindCall
		if in.target != 0 {
			in.src = nil
		}
	case name == "BX" && reg(0, armLR) && cond == "", name == "LDR" && toPC && onStack && wb && cond == "":
		in.kind = kindRet
	case toPC && name == "ADD" && reg(1, armLR) && cond == "", toPC && name == "MOV" && reg(1, armLR) && cond == "":
		in.kind = kindRet
	case name == "PUSH" && reg(0, armLR) && len(args) == 1:
		in.kind, in.frame = kindNop, 4
	case name == "POP" && toPC && len(args) == 1 && cond == "":
		in.kind = kindRet
	case name == "PUSH" || name == "POP":
		in.kind = kindBad
	case toPC || name == "BX":
		in.kind = kindBad
		in.op = "indirect branch"
	case name == "UDF" || name == "BKPT":
		in.kind = kindStop
	case wb && onStack && (reg(0, armLR) || name == "STR"), (name == "ADD" || name == "SUB") && reg(0, armSP):
		in.kind = kindNop
		switch {
		case name == "STR":
			in.frame = -args[len(args)-1].disp
		case len(args) == 3 && args[2].kind == argImm && reg(1, armSP):
			in.frame = args[2].imm
			if name == "ADD" {
				in.frame = -in.frame
			}
		}
	case wb && onStack:
		in.kind = kindBad
		in.op = "changes the stack pointer"
	case (name == "MOV" || name == "MOVW") && cond == "" && !sets && len(args) == 2 && !strings.Contains(in.op, " "):
		in.kind, in.dst, in.src = kindMove, []loc{args[0].reg}, args[1:]
	case name == "MVN" && cond == "" && !sets && args[1].kind == argImm:
		in.kind, in.dst, in.src = kindMove, []loc{args[0].reg}, []arg{immArg(int64(^uint32(args[1].imm)))}
	default:
		d.compute(in, name, args, wb)
	}
	if in.kind == kindOp {
		if sets {
			in.dst = append(in.dst, flagsLoc)
		}
		if cond != "" { // what is not written stays
			for _, r := range in.dst {
				in.src = append(in.src, regArg(r))
			}
			in.src = append(in.src, regArg(flagsLoc))
			if in.dst == nil && in.store {
				in.store = true
			}
		}
	}
	if cond != "" && (in.kind == kindMove || in.kind == kindNop) && name != "NOP" {
		in.kind = kindOp
	}
}

// single marks a load or store of a register of 32 bits: VLDR and VSTR are of both sizes.
const single = " single"

// compute fills in the operands of loads, stores and computations.
func (arm) compute(in *inst, name string, args []arg, wb bool) {
	mem := -1
	for i, a := range args {
		if a.kind == argMem {
			mem = i
		}
	}
	conditional := strings.Contains(strings.Fields(in.op)[0], ".") && !strings.HasPrefix(name, "V")
	for _, s := range []string{".EQ", ".NE", ".CS", ".CC", ".MI", ".PL", ".VS", ".VC", ".HI", ".LS", ".GE", ".LT", ".GT", ".LE"} {
		conditional = conditional || strings.Contains(in.op, s)
	}
	width := map[string]int{"LDR": 4, "LDRB": 1, "LDRH": 2, "LDRSB": 1, "LDRSH": 2, "VLDR": 8, "STR": 4, "STRB": 1, "STRH": 2, "VSTR": 8}[name]
	if strings.HasSuffix(in.op, single) {
		width = 4
	}
	switch {
	case mem >= 0 && strings.HasPrefix(name, "LDM"):
		for _, a := range args[mem+1:] {
			in.dst = append(in.dst, a.reg)
		}
		in.src = args[mem : mem+1]
	case mem >= 0 && strings.HasPrefix(name, "STM"):
		in.store = true
	case width != 0 && mem == 1 && len(args) == 2 && !conditional:
		args[1].size = width
		if strings.HasPrefix(name, "ST") || name == "VSTR" {
			in.store, in.src = true, []arg{args[1], args[0]}
		} else {
			in.dst, in.src = []loc{args[0].reg}, args[1:]
			in.signed = name == "LDRSB" || name == "LDRSH"
		}
		if !wb {
			in.kind = kindMove
		}
	case mem >= 0 && (strings.HasPrefix(name, "STR") || name == "VSTR") && !strings.HasPrefix(name, "STREX"):
		in.store = true
	case name == "CMP" || name == "CMN" || name == "TST" || name == "TEQ":
		in.dst = []loc{flagsLoc}
	case name == "VCMP" || name == "VCMPE":
		in.dst = []loc{fpFlags}
	case name == "VMRS":
		in.dst, in.src = []loc{flagsLoc}, []arg{regArg(fpFlags)}
	case name == "SWI" || name == "SVC" || name == "MRC" || name == "MCR" || name == "MRS":
		in.kind = kindBad
	case name == "UMULL" || name == "SMULL":
		in.dst, in.src, in.commutes = []loc{args[0].reg, args[1].reg}, []arg{args[2], args[3]}, true
	case name == "UMLAL" || name == "SMLAL":
		in.dst = []loc{args[0].reg, args[1].reg}
	case name == "MOVT" || name == "BFI" || name == "BFC" || name == "VMLA" || name == "VMLS" || name == "VNMLA" || name == "VNMLS":
		in.dst = []loc{args[0].reg}
	case len(args) > 0 && args[0].kind == argReg:
		in.dst, in.src = []loc{args[0].reg}, args[1:]
		in.commutes = len(in.src) == 2 && in.src[1].kind == argReg && !strings.Contains(in.op, " ") && (name == "ADD" || name == "MUL" || name == "AND" || name == "ORR" || name == "EOR" || name == "VADD" || name == "VMUL")
	}
	if name == "ADC" || name == "SBC" || name == "RSC" {
		in.src = append(in.src, regArg(flagsLoc))
	}
	if mem >= 0 && wb && args[mem].base != noLoc {
		in.dst = append(in.dst, args[mem].base)
	}
}
