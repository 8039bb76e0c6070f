package drift

import (
	"encoding/binary"
)

// through follows the stubs by which functions of other files are called: an entry of the procedure linkage table jumps to the address in an
// entry of the global offset table.
func (s *space) through(p place) place {
	if s.functions.at(p.addr) != nil || p.name != "" {
		return p
	}
	b := s.bytesAt(p.addr, 16)
	if s.file.PtrSize() == 8 {
		for i := 0; i+6 <= len(b) && i <= 8; i++ { // jmp *disp(%rip), after endbr64 perhaps
			if b[i] == 0xff && b[i+1] == 0x25 {
				at := p.addr + uint64(i) + 6 + uint64(int64(int32(binary.LittleEndian.Uint32(b[i+2:]))))
				if to, ok := s.pointer(at); ok {
					return to
				}
			}
		}
		return p
	}
	if len(b) < 12 {
		return p
	}
	// add ip, pc, #a; add ip, ip, #b; ldr pc, [ip, #c]!
	x, y, z := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if x&0xfffff000 != 0xe28fc000 || y&0xfffff000 != 0xe28cc000 || z&0xfffff000 != 0xe5bcf000 {
		return p
	}
	at := uint32(p.addr) + 8 + armImmediate(x) + armImmediate(y) + z&0xfff
	if to, ok := s.pointer(uint64(at)); ok {
		return to
	}
	return p
}

// armImmediate is the operand of an arm data instruction: 8 bits, rotated.
func armImmediate(w uint32) uint32 {
	v, r := w&0xff, w>>8&15*2
	return v>>r | v<<(32-r)
}
