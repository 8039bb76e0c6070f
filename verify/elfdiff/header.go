package elfdiff

import "fmt"

// field is a named stretch of a header.
type field struct {
	name   string
	lo, hi int64
}

// elfHeader are the fields of the ELF header after e_ident, in 64-bit and in 32-bit files (System V ABI).
func elfHeader(word int) []field {
	w := int64(word)
	var out []field
	at := int64(16)
	out = append(out, field{"e_ident", 0, at})
	for _, f := range []struct {
		name string
		n    int64
	}{{"e_type", 2}, {"e_machine", 2}, {"e_version", 4}, {"e_entry", w}, {"e_phoff", w}, {"e_shoff", w}, {"e_flags", 4}, {"e_ehsize", 2},
		{"e_phentsize", 2}, {"e_phnum", 2}, {"e_shentsize", 2}, {"e_shnum", 2}, {"e_shstrndx", 2}} {
		out = append(out, field{f.name, at, at + f.n})
		at += f.n
	}
	return out
}

// headerField says what of the headers lies at a file offset, "" if nothing does.
func (im *image) headerField(off int64) string {
	for _, f := range elfHeader(im.word) {
		if off >= f.lo && off < f.hi {
			return "ELF header " + f.name
		}
	}
	if size := int64(im.PhSize); size > 0 && off >= int64(im.PhOff) {
		if i := (off - int64(im.PhOff)) / size; i < int64(len(im.Segments)) {
			return fmt.Sprintf("program header %d, %v", i, im.Segments[i].Type)
		}
	}
	size := int64(64)
	if im.word == 4 {
		size = 40
	}
	if im.ShOff > 0 && off >= int64(im.ShOff) {
		if i := (off - int64(im.ShOff)) / size; i < int64(len(im.secs)) {
			return fmt.Sprintf("section header %d, %s", i, im.secs[i].Name)
		}
	}
	return ""
}
