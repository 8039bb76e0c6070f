package drift

// loc is a place that holds a value while a function runs: a register, the flags, or a word of its frame.
type loc int32

// Registers have small numbers: general ones 0 to 15, those of the floating-point unit from 16 on.
const (
	noLoc     loc = -1
	floatLoc  loc = 16
	maskLoc   loc = 48 // AVX-512's mask registers
	flagsLoc  loc = 60
	fpFlags   loc = 61
	argsLoc   loc = 63      // the same of the function's own arguments on the stack
	epochLoc  loc = 62      // of no value: when something that is not followed may have written to the frame last
	frameLoc  loc = 1 << 20 // + offset from the stack pointer: locals, spilled registers, arguments of calls
	ownLoc    loc = 1 << 26 // + a side's offset, of what the other has no word for
	fieldLoc  loc = 1 << 29 // + a number, of a word elsewhere in memory
	callerLoc loc = 1 << 28 // + offset from the frame's end: the function's own arguments and results
)

// kind is what an instruction is to the comparison.
type kind byte

const (
	kindNop   kind = iota
	kindMove       // dst[0] takes the value of src[0]; the register allocator places these as it likes
	kindLEA        // dst[0] takes the address that src[0] names
	kindOp         // an event: anything that both sides must do alike
	kindJump       // to target
	kindCond       // to target or to the next
	kindTable      // to where src[0] says
	kindCall       // of target, or of src[0] when that is there
	kindRet
	kindStop // does not go on
	kindBad  // not understood
)

// argKind tells operands apart.
type argKind byte

const (
	argReg argKind = iota
	argImm
	argMem
	argG // the current goroutine, which a register holds and thread-local storage, too
)

// arg is one operand.
type arg struct {
	kind  argKind
	reg   loc
	imm   int64
	base  loc // of argMem; noLoc when there is none
	index loc
	scale int64
	disp  int64 // the whole address when abs
	abs   bool
	size  int // bytes of memory
}

func regArg(r loc) arg   { return arg{kind: argReg, reg: r} }
func immArg(n int64) arg { return arg{kind: argImm, imm: n} }

// inst is a decoded instruction.
type inst struct {
	addr, next uint64
	kind       kind
	op         string // with its width and condition
	dst        []loc
	src        []arg
	commutes   bool // the first two operands
	store      bool // the first operand is memory that is written
	signed     bool // a load that extends the sign
	cond       string
	target     uint64
	frame      int64 // how far the stack pointer goes down
}

// unknown is the name of an instruction that was not decoded.
const unknown = "unknown instruction"

// decoder decodes the instruction at the beginning of code, which lies at addr. An instruction that it does not know is kindBad.
type decoder interface {
	decode(code []byte, addr uint64) inst
	inverse(cond string) string
	sp() loc
	zero() loc      // a register that always holds 0, noLoc when there is none
	results() []loc // the registers in which results are returned and arguments are passed
	linkSize() int64
	g() loc // the register that holds the current goroutine
}
