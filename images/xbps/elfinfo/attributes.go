package elfinfo

import "bytes"

// armAttributes is SHT_ARM_ATTRIBUTES (ELF for the Arm Architecture, section 5.3.3).
const armAttributes = 0x70000003

// The tags that are read (Addenda to the ABI for the Arm Architecture, section 3.3).
const (
	tagFile    = 1
	tagRawName = 4
	tagCPUName = 5
	tagCPUArch = 6
	tagVFPArgs = 28
	tagCompat  = 32
)

// attributes finds and reads ARM's build attributes. The loader does not need them, so damage to them or to the section
// headers is no error: the file then counts as having none.
func (f *reader) attributes(info *Info, shoff uint64, entsize, count uint16) {
	if shoff == 0 || entsize < 40 || count > maxSections || f.wide {
		return
	}
	table, err := f.at(shoff, uint64(entsize)*uint64(count))
	if err != nil {
		return
	}
	for i := range int(count) {
		s := table[i*int(entsize):]
		if f.order.Uint32(s[4:]) != armAttributes {
			continue
		}
		if size := f.order.Uint32(s[20:]); size <= maxAttr {
			if b, err := f.at(uint64(f.order.Uint32(s[16:])), uint64(size)); err == nil {
				f.vendors(info, b)
			}
		}
	}
}

// vendors reads the section: 'A', then one block for each vendor; the public one is "aeabi".
func (f *reader) vendors(info *Info, b []byte) {
	if len(b) == 0 || b[0] != 'A' {
		return
	}
	for b = b[1:]; len(b) > 4; {
		n := int(f.order.Uint32(b))
		if n < 4 || n > len(b) {
			return
		}
		if body, ok := bytes.CutPrefix(b[4:n], []byte("aeabi\x00")); ok {
			f.scopes(info, body)
		}
		b = b[n:]
	}
}

// scopes reads blocks of attributes; only those for the whole file count.
func (f *reader) scopes(info *Info, b []byte) {
	for len(b) > 5 {
		n := int(f.order.Uint32(b[1:]))
		if n < 5 || n > len(b) {
			return
		}
		if b[0] == tagFile {
			pairs(info, b[5:n])
		}
		b = b[n:]
	}
}

func pairs(info *Info, b []byte) {
	info.HasAttributes = true
	for len(b) > 0 {
		var tag, value uint64
		if tag, b = uleb(b); tag == tagCompat {
			_, b = uleb(b)
		}
		if tag == tagRawName || tag == tagCPUName || tag == tagCompat || tag > tagCompat && tag%2 == 1 {
			end := bytes.IndexByte(b, 0)
			if end < 0 {
				return
			}
			b = b[end+1:]
			continue
		}
		value, b = uleb(b)
		switch tag {
		case tagCPUArch:
			info.CPUArch = int(min(value, 1000))
		case tagVFPArgs:
			info.VFPArgs = int(min(value, 1000))
		}
	}
}

// uleb reads a ULEB128 number; one that does not end takes all bytes.
func uleb(b []byte) (v uint64, rest []byte) {
	for i, c := range b {
		if i < 9 {
			v |= uint64(c&0x7f) << (7 * i)
		}
		if c&0x80 == 0 {
			return v, b[i+1:]
		}
	}
	return v, nil
}
