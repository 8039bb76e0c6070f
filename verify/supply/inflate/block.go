package inflate

// codeOrder is the order in which the lengths of the code length code come (RFC 1951, section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// begin reads the head of a block.
func (z *reader) begin() error {
	head, err := z.take(3)
	if err != nil {
		return err
	}
	z.final = head&1 != 0
	switch head >> 1 {
	case 0:
		return z.beginStored()
	case 1:
		if !build(z.lit[:], litBits, fixedLit[:], litSymbols[:]) || !build(z.dist[:], distBits, fixedDist[:], distSymbols[:]) {
			return ErrCorrupt
		}
		z.block = (*reader).decode
		return nil
	case 2:
		return z.beginDynamic()
	}
	return ErrCorrupt
}

func (z *reader) beginStored() error {
	if _, err := z.take(z.nb & 7); err != nil {
		return err
	}
	n, err := z.take(16)
	if err != nil {
		return err
	}
	not, err := z.take(16)
	if err != nil {
		return err
	}
	if n != ^not&0xffff {
		return ErrCorrupt
	}
	z.ip -= int(z.nb >> 3) // whole bytes, which go back
	z.bits, z.nb = 0, 0
	z.stored, z.block = int(n), (*reader).copyStored
	return nil
}

// beginDynamic reads the codes of a block (RFC 1951, section 3.2.7).
func (z *reader) beginDynamic() error {
	var sizes [3]uint
	for i, n := range [3]uint{5, 5, 4} {
		v, err := z.take(n)
		if err != nil {
			return err
		}
		sizes[i] = v
	}
	lits, dists := int(sizes[0])+257, int(sizes[1])+1
	if lits > 286 || dists > 30 {
		return ErrCorrupt
	}
	var code [19]uint8
	for _, i := range codeOrder[:sizes[2]+4] {
		n, err := z.take(3)
		if err != nil {
			return err
		}
		code[i] = uint8(n)
	}
	table := z.dist[:] // which is built at last
	const first = 7
	if !build(table, first, code[:], codeSymbols[:]) {
		return ErrCorrupt
	}
	var lengths [286 + 30]uint8
	for i := 0; i < lits+dists; {
		symbol, err := z.codeLength(table, first)
		if err != nil {
			return err
		}
		if symbol < 16 {
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		var again uint8
		extra, base := uint(2), uint(3)
		switch symbol {
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			again = lengths[i-1]
		case 17:
			extra = 3
		default:
			extra, base = 7, 11
		}
		n, err := z.take(extra)
		if err != nil {
			return err
		}
		if i+int(base+n) > lits+dists {
			return ErrCorrupt
		}
		for range base + n {
			lengths[i] = again
			i++
		}
	}
	if !build(z.lit[:], litBits, lengths[:lits], litSymbols[:]) || !build(z.dist[:], distBits, lengths[lits:lits+dists], distSymbols[:]) {
		return ErrCorrupt
	}
	z.block = (*reader).decode
	return nil
}

// codeLength decodes a symbol of the code length code, whose codes have at most 7 bits.
func (z *reader) codeLength(table []uint32, first uint) (uint32, error) {
	for n := uint(1); ; n++ {
		if err := z.need(n); err != nil {
			return 0, err
		}
		e := table[z.bits&(1<<n-1)]
		if length := uint(e & lengthMask); e&special == 0 && length <= n {
			z.bits >>= length
			z.nb -= length
			return e >> valueShift, nil
		}
		if n == first {
			return 0, ErrCorrupt
		}
	}
}
