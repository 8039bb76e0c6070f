package drift

// maxEmbedded bounds the files of one variable that are compared.
const maxEmbedded = 1 << 14

// embedded finds the files of a variable of type embed.FS, which is a pointer to a slice; the compiler lays the slice's elements right behind its
// three words (cmd/compile/internal/staticdata/embed.go), as no other variable has them.
func (s *space) embedded(variable uint64) (files, n uint64, ok bool) {
	w := uint64(s.file.PtrSize())
	p, ok := s.pointer(variable)
	if !ok || p.name != "" {
		return 0, 0, false
	}
	q, ok := s.pointer(p.addr)
	n = s.number(p.addr + w)
	if !ok || q.name != "" || q.addr != p.addr+3*w || n == 0 || n > maxEmbedded || n != s.number(p.addr+2*w) {
		return 0, 0, false
	}
	return q.addr, n, true
}

// otherFiles reports whether a variable of a word is an embed.FS on both sides, with other files. A file is its name, its content and 16 bytes of the
// content's hash.
func (c *comparison) otherFiles(a, b, size uint64) bool {
	w := uint64(c.host.file.PtrSize())
	if size != w {
		return false
	}
	x, n, ok := c.host.embedded(a)
	y, m, was := c.plugin.embedded(b)
	if !ok || !was {
		return false
	}
	if n != m {
		return true
	}
	entry := 4*w + 16
	for i := range n {
		f, g := x+i*entry, y+i*entry
		length := c.host.number(f + w)
		if length != c.plugin.number(g+w) || c.host.number(f+3*w) != c.plugin.number(g+3*w) || c.sameBytes(f+4*w, g+4*w, 16) == no {
			return true
		}
		p, ok := c.host.pointer(f)
		q, was := c.plugin.pointer(g)
		if ok && was && length < maxString && c.sameBytes(p.addr, q.addr, int(length)) == no {
			return true
		}
	}
	return false
}
