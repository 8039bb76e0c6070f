package goelf

import (
	"fmt"
	"strings"
)

// FuncNames calls visit with each function name of the line table until it returns false: of functions that are there and of those
// that were inlined. It reads only that part of the table.
func (f *File) FuncNames(visit func(name string) bool) error {
	addr, size, err := f.PclntabRange()
	if err != nil {
		return err
	}
	w := uint64(f.PtrSize())
	b, err := f.ReadAddr(addr, 8+hdrWords*w)
	if err != nil {
		return fmt.Errorf("reading the line table: %w", err)
	}
	lo, hi := f.Word(b[8+hdrFuncName*w:]), f.Word(b[8+hdrCU*w:])
	if lo > hi || hi > size {
		return fmt.Errorf("reading the line table: function names from %#x to %#x in %#x bytes", lo, hi, size)
	}
	if b, err = f.ReadAddr(addr+lo, hi-lo); err != nil {
		return fmt.Errorf("reading the line table: %w", err)
	}
	for s := range strings.SplitSeq(string(b), "\x00") {
		if s != "" && !visit(s) {
			break
		}
	}
	return nil
}
