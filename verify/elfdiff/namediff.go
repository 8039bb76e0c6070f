package elfdiff

// compareNames compares the symbol tables by name: .symtab if both files have one, else .dynsym.
func (c *comparison) compareNames() {
	name := ".symtab"
	if c.a.section(name) == nil || c.b.section(name) == nil {
		name = ".dynsym"
	}
	x, y := named(c.a.readSymbols(c.a.section(name))), named(c.b.readSymbols(c.b.section(name)))
	r := &c.rep.Symbols
	changed := map[string]bool{}
	for _, n := range r.Changed {
		changed[n] = true
	}
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || (len(x) > 0 && x[0].name < y[0].name):
			r.Removed = append(r.Removed, x[0].name)
			x = x[1:]
		case len(x) == 0 || x[0].name > y[0].name:
			r.Added = append(r.Added, y[0].name)
			y = y[1:]
		default:
			p, q := x[0], y[0]
			x, y = x[1:], y[1:]
			if p.size != q.size {
				r.Resized = append(r.Resized, p.name)
			}
			if (p.size != q.size || p.info != q.info || p.other != q.other || p.defined() != q.defined()) && !changed[p.name] {
				changed[p.name] = true
				r.Changed = append(r.Changed, p.name)
			} else if p.value != q.value && p.defined() {
				r.Moved++
			}
		}
	}
}
