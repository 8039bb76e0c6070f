package drift

// listing holds the instructions of one function that were decoded so far. Between them there may be anything.
type listing struct {
	fn   *function
	code []byte
	unit uint64
	at   []int32         // by place in the code: index into list, plus one; nil for a function of unusual size
	far  map[uint64]inst // by address, where at does not reach
	list []inst
}

// maxIndexed bounds the bytes of code for which at is made; longer functions are tables that a generator wrote.
const maxIndexed = 1 << 16

func newListing(fn *function, code []byte, unit uint64) *listing {
	l := &listing{fn: fn, code: code, unit: unit}
	if n := uint64(len(code)) / unit; n <= maxIndexed {
		l.at = make([]int32, n)
		l.list = make([]inst, 0, min(uint64(len(code))/8, 256)+4)
	}
	return l
}

// inst is the instruction at pc. Outside the function there is only kindStop.
func (l *listing) inst(dec decoder, pc uint64) inst {
	off := pc - l.fn.addr
	if off >= l.fn.size {
		return inst{addr: pc, kind: kindStop, op: "end"}
	}
	i := off / l.unit
	indexed := off%l.unit == 0 && i < uint64(len(l.at))
	if indexed && l.at[i] != 0 {
		return l.list[l.at[i]-1]
	}
	if in, ok := l.far[pc]; ok {
		return in
	}
	in := dec.decode(l.code[off:], pc)
	if indexed {
		l.list = append(l.list, in)
		l.at[i] = int32(len(l.list))
		return in
	}
	if l.far == nil {
		l.far = map[uint64]inst{}
	}
	l.far[pc] = in
	return in
}

// maxListed bounds the code in bytes of which a comparison keeps the instructions. One has 150 bytes, and four of code.
const maxListed = 1 << 17

// listed is the listing of a function of the plugin. What is called often is asked for again and again.
func (c *comparison) listed(fn *function) (*listing, error) {
	if l := c.listings[fn.addr]; l != nil {
		return l, nil
	}
	code, err := c.plugin.file.ReadAddr(fn.addr, min(fn.size, 1<<20))
	if err != nil {
		return nil, err
	}
	l := newListing(fn, code, c.unit)
	if fn.size > maxIndexed {
		return l, nil
	}
	if c.listedCode += fn.size; c.listings == nil || c.listedCode > maxListed {
		c.listings, c.listedCode = map[uint64]*listing{}, fn.size
	}
	c.listings[fn.addr] = l
	return l, nil
}
