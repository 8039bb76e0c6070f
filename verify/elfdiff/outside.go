package elfdiff

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"hash"
)

// outside is what of a file is loaded and lies in no section, without zeros at the ends of each stretch.
type outside struct {
	sum  [32]byte
	n    int64  // bytes
	head []byte // the first of them
}

// outside reads the loaded bytes that no section covers, beside the ELF header, the program headers and the section headers: Go's
// own linker lays the last into the first segment.
func (im *image) outside() (o outside) {
	w := &trimmer{h: sha256.New()}
	shsize := int64(64)
	if im.word == 4 {
		shsize = 40
	}
	tables := [][2]int64{{0, hdrSize(im)}, {int64(im.PhOff), int64(im.PhOff) + int64(im.PhSize)*int64(len(im.Segments))},
		{int64(im.ShOff), int64(im.ShOff) + shsize*int64(len(im.secs))}}
	budget := 4*im.size + 1<<20 // segments may lie over each other
	for _, r := range im.regions() {
		if r.sec != nil {
			continue
		}
		for _, p := range im.Segments {
			if p.Type != elf.PT_LOAD {
				continue
			}
			lo, hi := max(r.off, int64(p.Off)), min(r.end, int64(p.Off+p.FileSz))
			for lo < hi {
				end, in := hi, false
				for _, t := range tables {
					if lo >= t[0] && lo < t[1] {
						end, in = min(hi, t[1]), true
						break
					}
					if t[0] > lo {
						end = min(end, t[0])
					}
				}
				if !in {
					if budget -= end - lo; budget < 0 {
						w.h.Write(im.sum[:]) // equal to no other file
						break
					}
					im.copyTrimmed(w, lo, end)
				}
				lo = end
			}
		}
	}
	w.h.Sum(o.sum[:0])
	o.n, o.head = w.n, w.head
	return o
}

func (im *image) copyTrimmed(w *trimmer, lo, hi int64) {
	w.zeros, w.begun = 0, false
	buf := make([]byte, min(chunk, hi-lo))
	for lo < hi {
		b := buf[:min(int64(len(buf)), hi-lo)]
		if !im.readInto(b, lo) {
			im.err = &InputError{im.path, ErrUnreadable}
			return
		}
		w.write(b)
		lo += int64(len(b))
	}
}

// trimmer hashes what is written to it without zeros at the beginning and the end.
type trimmer struct {
	h     hash.Hash
	n     int64
	head  []byte
	zeros int64 // that are held back
	begun bool
}

func (w *trimmer) write(b []byte) {
	if !w.begun {
		b = bytes.TrimLeft(b, "\x00")
	}
	rest := bytes.TrimRight(b, "\x00")
	if len(rest) > 0 {
		w.begun = true
		var none [512]byte
		for w.n += w.zeros; w.zeros > 0; w.zeros -= min(w.zeros, int64(len(none))) {
			w.h.Write(none[:min(w.zeros, int64(len(none)))])
		}
		w.h.Write(rest)
		w.n += int64(len(rest))
		w.head = append(w.head, rest[:min(len(rest), max(0, excerptLen+1-len(w.head)))]...)
	}
	if w.begun {
		w.zeros += int64(len(b) - len(rest))
	}
}
