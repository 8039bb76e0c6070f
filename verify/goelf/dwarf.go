package goelf

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// DWARF returns the debugging information, decompressed. More than limit bytes in all sections together is an error; so is a file without any.
// It does not apply relocations, which linked files do not need.
func (f *File) DWARF(limit int64) (d *dwarf.Data, err error) {
	defer func() { // debug/dwarf has met inputs that it did not expect before
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("reading DWARF: %v", r)
		}
	}()
	data, err := f.dwarfSections(limit, nil)
	if err != nil {
		return nil, err
	}
	return f.dwarfOf(data)
}

// dwarfSections reads the sections of debugging information, or only those in wanted, decompressed, by their names without prefix.
func (f *File) dwarfSections(limit int64, wanted map[string]bool) (map[string][]byte, error) {
	data := map[string][]byte{}
	for i := range f.Sections {
		s := &f.Sections[i]
		name, ok := strings.CutPrefix(s.Name, ".debug_")
		if !ok {
			if name, ok = strings.CutPrefix(s.Name, ".zdebug_"); !ok {
				continue
			}
		}
		if _, dup := data[name]; dup || wanted != nil && !wanted[name] {
			continue
		}
		b, err := f.Data(s, limit)
		if err != nil {
			return nil, fmt.Errorf("reading DWARF: %w", err)
		}
		data[name] = b
		limit -= int64(len(b))
	}
	if len(data["info"]) == 0 {
		return nil, fmt.Errorf("reading DWARF: there is no section %q", ".debug_info")
	}
	return data, nil
}

func (f *File) dwarfOf(data map[string][]byte) (*dwarf.Data, error) {
	d, err := dwarf.New(data["abbrev"], nil, nil, data["info"], data["line"], nil, data["ranges"], data["str"])
	if err != nil {
		return nil, fmt.Errorf("reading DWARF: %w", err)
	}
	for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists", "loclists"} {
		if b := data[name]; b != nil {
			if err := d.AddSection(".debug_"+name, b); err != nil {
				return nil, fmt.Errorf("reading DWARF: %w", err)
			}
		}
	}
	return d, nil
}
