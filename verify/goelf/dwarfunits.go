package goelf

import (
	"debug/dwarf"
	"fmt"
)

// maxUnits bounds the compile units that are visited; rclone has 3,000.
const maxUnits = 1 << 18

// CompileUnits visits the first entry of each unit of the debugging information, until visit returns false. It goes from unit to
// unit by their lengths, and reads only the sections that names and compilers stand in. More than limit bytes in them is an error.
func (f *File) CompileUnits(limit int64, visit func(*dwarf.Entry) bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading DWARF: %v", r)
		}
	}()
	data, err := f.dwarfSections(limit, map[string]bool{"info": true, "abbrev": true, "str": true, "line_str": true, "str_offsets": true, "addr": true})
	if err != nil {
		return err
	}
	d, err := f.dwarfOf(data)
	if err != nil {
		return err
	}
	info, r := data["info"], d.Reader()
	for n, at := 0, uint64(0); at+12 <= uint64(len(info)); n++ {
		if n == maxUnits {
			return fmt.Errorf("reading DWARF: more than %d units", maxUnits)
		}
		length, header := uint64(f.Order.Uint32(info[at:])), uint64(4)
		if length == 0xffffffff { // the 64-bit form
			if at+24 > uint64(len(info)) {
				return fmt.Errorf("reading DWARF: the unit at %#x is cut off", at)
			}
			length, header = f.Order.Uint64(info[at+4:]), 12
		}
		if length > uint64(len(info))-at-header || length < 7 {
			return fmt.Errorf("reading DWARF: the unit at %#x has %d bytes", at, length)
		}
		if version := f.Order.Uint16(info[at+header:]); version < 5 || info[at+header+2] == 1 { // DW_UT_compile
			first := at + header + 2 + 4 + 1 // length, version, offset of abbreviations, size of addresses
			if header == 12 {
				first += 4
			}
			if version >= 5 {
				first++ // kind of unit
			}
			r.Seek(dwarf.Offset(first))
			e, err := r.Next()
			if err != nil {
				return fmt.Errorf("reading DWARF: %w", err)
			}
			if e != nil && !visit(e) {
				return nil
			}
		}
		at += header + length
	}
	return nil
}
