package elfdiff

import (
	"fmt"
	"strings"
)

// versionNeeds lists the versions of symbols that .gnu.version_r asks for, without the places of names: "libc.so.6: GLIBC_2.4 flags 0 index 2".
// The form is that of the Linux Standard Base: Verneed entries of 16 bytes, each with a list of Vernaux entries of 16 bytes.
func (im *image) versionNeeds(s *section) string {
	if int64(s.Link) >= int64(len(im.secs)) {
		return ""
	}
	b, names := im.contents(s), im.contents(im.secs[s.Link])
	o := im.Order
	var out strings.Builder
	for at, n := uint64(0), 0; at+16 <= uint64(len(b)) && n < 1<<12; n++ {
		e := b[at:]
		fmt.Fprintf(&out, "%s:", cstring(names, uint64(o.Uint32(e[4:]))))
		for aux, m := at+uint64(o.Uint32(e[8:])), 0; m < int(o.Uint16(e[2:])) && m < 1<<12 && aux+16 <= uint64(len(b)); m++ {
			x := b[aux:]
			fmt.Fprintf(&out, " %s hash %#x flags %d index %d;", cstring(names, uint64(o.Uint32(x[8:]))), o.Uint32(x), o.Uint16(x[4:]), o.Uint16(x[6:]))
			next := uint64(o.Uint32(x[12:]))
			if next == 0 {
				break
			}
			aux += next
		}
		out.WriteString("\n")
		next := uint64(o.Uint32(e[12:]))
		if next == 0 {
			break
		}
		at += next
	}
	return out.String()
}
