package drift

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// amd64 decodes what Go's compiler and assembler write for amd64.
type amd64 struct{}

const (
	rAX, rCX, rDX, rBX, rSP, rBP, rSI, rDI = 0, 1, 2, 3, 4, 5, 6, 7
)

func (amd64) sp() loc         { return rSP }
func (amd64) zero() loc       { return floatLoc + 15 } // ABIInternal's X15
func (amd64) linkSize() int64 { return 8 }
func (amd64) g() loc          { return 14 }

// results are the registers of ABIInternal (cmd/compile/abi-internal.md).
func (amd64) results() []loc {
	out := []loc{rAX, rBX, rCX, rDI, rSI, 8, 9, 10, 11}
	for i := range loc(15) {
		out = append(out, floatLoc+i)
	}
	return out
}

var amd64Inverse = map[string]string{"JA": "JBE", "JAE": "JB", "JE": "JNE", "JG": "JLE", "JGE": "JL", "JO": "JNO", "JP": "JNP", "JS": "JNS"}

func (amd64) inverse(cond string) string {
	for a, b := range amd64Inverse {
		if cond == a {
			return b
		} else if cond == b {
			return a
		}
	}
	return ""
}

// amd64Reg gives a register's place and its width in bytes.
func amd64Reg(r x86asm.Reg) (loc, int) {
	switch {
	case r >= x86asm.AL && r <= x86asm.BL:
		return loc(r - x86asm.AL), 1
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return loc(r-x86asm.SPB) + 4, 1
	case r >= x86asm.AX && r <= x86asm.R15W:
		return loc(r - x86asm.AX), 2
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return loc(r - x86asm.EAX), 4
	case r >= x86asm.RAX && r <= x86asm.R15:
		return loc(r - x86asm.RAX), 8
	case r >= x86asm.X0 && r <= x86asm.X31:
		return floatLoc + loc(r-x86asm.X0), 16
	case r >= x86asm.Y0 && r <= x86asm.Y31:
		return floatLoc + loc(r-x86asm.Y0), 32
	case r >= x86asm.Z0 && r <= x86asm.Z31:
		return floatLoc + loc(r-x86asm.Z0), 64
	case r >= x86asm.K0 && r <= x86asm.K7:
		return maskLoc + loc(r-x86asm.K0), 8
	}
	return noLoc, 0
}

// unary are operations that only write their first operand.
var unary = []string{"CVT", "SQRT", "ROUND", "BSF", "BSR", "POPCNT", "TZCNT", "LZCNT", "MOVMSK", "PMOVMSKB", "PSHUF", "MOVD", "MOVQ", "MOVBE", "MOVSX", "MOVZX", "PEXTR"}

var amd64Commutes = map[string]bool{"ADD": true, "AND": true, "OR": true, "XOR": true, "IMUL": true, "ADDSS": true, "ADDSD": true, "MULSS": true, "MULSD": true, "TEST": true, "PXOR": true, "ADC": true}

func (d amd64) decode(code []byte, addr uint64) inst {
	x, err := x86asm.Decode(code[:min(len(code), 16)], 64)
	if err != nil || x.Len == 0 {
		return inst{addr: addr, kind: kindBad, op: unknown}
	}
	in := inst{addr: addr, next: addr + uint64(x.Len), kind: kindOp, op: x.Op.String()}
	var args []arg
	width := 0
	for _, a := range x.Args {
		switch a := a.(type) {
		case nil:
		case x86asm.Reg:
			r, w := amd64Reg(a)
			if r == noLoc {
				return inst{addr: addr, kind: kindBad, op: in.op + " with register " + a.String()}
			}
			if width == 0 {
				width = w
			}
			args = append(args, arg{kind: argReg, reg: r, size: w})
		case x86asm.Imm:
			args = append(args, immArg(int64(a)))
		case x86asm.Rel:
			in.target = in.next + uint64(int64(a))
			args = append(args, immArg(0))
		case x86asm.Mem:
			if a.Segment == x86asm.FS && in.op == "MOV" && len(args) == 1 && width == 8 {
				args = append(args, arg{kind: argG})
				continue
			}
			if a.Segment == x86asm.FS || a.Segment == x86asm.GS {
				return inst{addr: addr, kind: kindBad, op: "thread-local storage"}
			}
			if a.Base == 0 && a.Index == 0 && slices.ContainsFunc(x.Prefix[:], func(p x86asm.Prefix) bool { return p.IsVEX() || p.IsEVEX() }) {
				a.Base = x86asm.RIP // which the decoder leaves out behind these prefixes
			}
			args = append(args, d.mem(a, in.next, x.MemBytes))
			if width == 0 {
				width = x.MemBytes
			}
		default:
			return inst{addr: addr, kind: kindBad, op: in.op}
		}
	}
	for _, p := range x.Prefix {
		if q := p &^ (x86asm.PrefixImplicit | x86asm.PrefixIgnored); p&x86asm.PrefixImplicit == 0 && p&x86asm.PrefixIgnored == 0 && (q == x86asm.PrefixREP || q == x86asm.PrefixREPN || q == x86asm.PrefixLOCK) {
			in.op = p.String() + " " + in.op
		}
	}
	d.meaning(&in, args, width)
	return in
}

func (amd64) mem(m x86asm.Mem, next uint64, size int) arg {
	a := arg{kind: argMem, base: noLoc, index: noLoc, scale: int64(m.Scale), disp: int64(int32(m.Disp)), size: size}
	if m.Base == x86asm.RIP {
		a.abs, a.disp = true, int64(next)+a.disp
		return a
	}
	if m.Base != 0 {
		a.base, _ = amd64Reg(m.Base)
	}
	if m.Index != 0 && m.Scale != 0 {
		a.index, _ = amd64Reg(m.Index)
	}
	if a.base == noLoc && a.index == noLoc {
		a.abs = true
	}
	return a
}

// meaning fills in what an instruction reads and writes.
func (d amd64) meaning(in *inst, args []arg, width int) {
	name := in.op
	in.op += strconv.Itoa(width)
	reg := func(i int) bool { return i < len(args) && args[i].kind == argReg }
	same := reg(0) && reg(1) && args[0].reg == args[1].reg
	switch {
	case name == "NOP" || name == "XCHG" && same:
		in.kind = kindNop
	case name == "JMP" && in.target != 0:
		in.kind = kindJump
	case name == "JMP":
		in.kind, in.src = kindTable, args
	case name == "CALL":
		in.kind = kindCall
		if in.target == 0 {
			in.src = args
		}
	case name == "RET":
		in.kind = kindRet
	case name == "INT" || name == "UD2" || name == "HLT" || name == "INT3":
		in.kind = kindStop
	case name[0] == 'J':
		in.kind, in.cond, in.src = kindCond, name, []arg{regArg(flagsLoc)}
		if _, ok := amd64Inverse[name]; !ok && d.inverse(name) == "" {
			in.kind = kindBad
		}
	case name == "PUSH" || name == "POP":
		in.kind, in.frame = kindNop, 8
		if name == "POP" {
			in.frame = -8
		}
		if !reg(0) || args[0].reg != rBP {
			in.kind = kindBad
		}
	case reg(0) && args[0].reg == rSP && (name == "ADD" || name == "SUB" || name == "LEA"), reg(0) && args[0].reg == rBP && (name == "MOV" || name == "LEA"):
		in.kind = kindNop
		switch {
		case args[0].reg == rBP:
		case name == "LEA":
			in.frame = -args[1].disp
		case name == "ADD":
			in.frame = -args[1].imm
		default:
			in.frame = args[1].imm
		}
	case name == "LEA":
		in.kind, in.dst, in.src = kindLEA, []loc{args[0].reg}, args[1:]
	case same && (name == "XOR" || name == "PXOR" || name == "XORPS" || name == "XORPD"):
		in.kind, in.dst, in.src = kindMove, []loc{args[0].reg}, []arg{immArg(0)}
	case name == "MOV" || name == "MOVUPS" || name == "MOVAPS" || name == "MOVUPD" || name == "MOVSS" || name == "MOVSD_XMM" || name == "MOVZX" || name == "MOVSX" || name == "MOVSXD" || name == "MOVDQU" || name == "MOVDQA":
		d.move(in, name, args, width)
	default:
		d.compute(in, name, args)
	}
}

// move sorts copies from computations: between registers and memory the walk decides, by where the memory lies.
func (amd64) move(in *inst, name string, args []arg, width int) {
	in.kind, in.src = kindMove, args[1:]
	in.signed = name == "MOVSX" || name == "MOVSXD"
	if args[0].kind == argMem {
		in.store, in.src = true, args
		return
	}
	in.dst = []loc{args[0].reg}
	if args[1].kind == argReg && (name == "MOVZX" || in.signed || name == "MOV" && width < 4 || name == "MOVSS" || name == "MOVSD_XMM") {
		in.kind = kindOp
	}
	if args[1].kind == argMem || in.kind == kindOp && (name == "MOVZX" || in.signed) {
		in.op = name + strconv.Itoa(args[1].size) + "to" + strconv.Itoa(width)
	}
}

// compute fills in the operands of what is not a copy.
func (amd64) compute(in *inst, name string, args []arg) {
	base := name
	if i := strings.LastIndexByte(base, ' '); i >= 0 {
		base = base[i+1:]
	}
	in.src = args
	in.commutes = amd64Commutes[name] && len(args) == 2
	if len(args) > 0 && args[0].kind == argReg {
		in.dst = []loc{args[0].reg}
	}
	if !strings.HasPrefix(base, "V") {
		in.dst = append(in.dst, flagsLoc)
	}
	switch {
	case base == "CMP" || base == "TEST" || strings.HasPrefix(base, "UCOMIS") || strings.HasPrefix(base, "COMIS") || base == "BT":
		in.dst = []loc{flagsLoc}
	case base == "INC" || base == "DEC":
		in.op = "ADD" + in.op[len(name):]
		n := int64(1)
		if base == "DEC" {
			n = -1
		}
		in.src = []arg{args[0], immArg(n)}
	case base == "SUB" && len(args) == 2 && args[1].kind == argImm:
		in.op = "ADD" + in.op[len(name):]
		in.src = []arg{args[0], immArg(-args[1].imm)}
	case strings.HasPrefix(base, "SET"):
		in.src = []arg{regArg(flagsLoc)}
		if args[0].kind == argMem {
			in.src = append(in.src, args[0])
		}
		in.dst = in.dst[:len(in.dst)-1]
	case strings.HasPrefix(base, "CMOV"):
		in.src = append(in.src, regArg(flagsLoc))
		in.dst = in.dst[:1]
	case base == "ADC" || base == "SBB" || base == "RCL" || base == "RCR":
		in.src = append(in.src, regArg(flagsLoc))
	case base == "CDQ" || base == "CQO" || base == "CWD":
		in.dst, in.src = []loc{rDX}, []arg{regArg(rAX)}
	case (base == "MUL" || base == "IMUL") && len(args) == 1:
		in.dst, in.src = []loc{rAX, rDX, flagsLoc}, append(in.src, regArg(rAX))
	case base == "DIV" || base == "IDIV":
		in.dst, in.src = []loc{rAX, rDX, flagsLoc}, append(in.src, regArg(rAX), regArg(rDX))
	case base == "IMUL" && len(args) == 3:
		in.src = args[1:]
	case base == "CMPXCHG":
		in.dst, in.src = []loc{rAX, flagsLoc}, append(in.src, regArg(rAX))
	case base == "XCHG" || base == "XADD":
		in.dst = []loc{flagsLoc}
		for _, a := range args {
			if a.kind == argReg {
				in.dst = append(in.dst, a.reg)
			}
		}
	case strings.HasPrefix(base, "STOS") || strings.HasPrefix(base, "MOVS") && len(args) == 2 && args[0].kind == argMem && args[1].kind == argMem:
		in.dst, in.src = []loc{rDI, rSI, rCX}, []arg{regArg(rDI), regArg(rSI), regArg(rCX), regArg(rAX)}
	case base == "CPUID" || base == "XGETBV" || strings.HasPrefix(base, "RDTSC"):
		in.dst, in.src = []loc{rAX, rBX, rCX, rDX}, []arg{regArg(rAX), regArg(rCX)}
	case len(args) >= 3 && base[0] == 'V' && !strings.HasPrefix(base, "VFM") && !strings.HasPrefix(base, "VFN"), base == "ANDN" || base == "SHLX" || base == "SHRX" || base == "SARX" || base == "RORX" || base == "BEXTR" || base == "BLSR" || base == "BLSI" || base == "BLSMSK":
		in.src = args[1:]
	case base == "MULX":
		in.dst, in.src = []loc{args[0].reg, args[1].reg}, append([]arg{regArg(rDX)}, args[2:]...)
	default:
		for _, u := range unary {
			if strings.HasPrefix(base, u) && len(args) > 1 && args[0].kind == argReg {
				in.src = args[1:]
				in.dst = []loc{args[0].reg, flagsLoc}
			}
		}
	}
	in.store = len(args) > 0 && args[0].kind == argMem
}
