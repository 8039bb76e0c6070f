package drift

import "strings"

// variables compares what package variables hold before anything runs. The process has one of each, the host's; where that is not what the plugin was
// built with, it is not for the files to say what it means.
func (c *comparison) variables(include func(pkg string) bool, done map[string]bool) (out []Finding) {
	for _, s := range c.plugin.symbols.sorted {
		if s.fn || c.plugin.constant(s.addr) {
			continue
		}
		name := c.plugin.symbols.name(s.index)
		if strings.Contains(name, "..") || strings.Contains(name, "·") || strings.HasPrefix(name, "go:") || strings.HasPrefix(name, "type:") || !include(packageOf(name)) {
			continue
		}
		addr, ok := c.host.symbols.address(name)
		if !ok || done[name] {
			continue
		}
		done[name] = true
		var size uint64
		for _, t := range c.host.symbols.covering(addr) {
			if t.addr == addr && t.name == name && !t.fn {
				size = t.size
			}
		}
		x, y := c.host.bytesAt(addr, 1), c.plugin.bytesAt(s.addr, 1)
		switch {
		case size == 0 || len(x)+len(y) == 0:
		case size != s.size:
			out = append(out, Finding{name, "a variable of another size"})
		case c.otherFiles(addr, s.addr, size):
			out = append(out, Finding{name, "a variable of type embed.FS: the plugin was built with other files than the host, whose count"})
		case len(x) != len(y) || c.sameWords(addr, s.addr, size, 2) == no:
			out = append(out, Finding{name, "a variable: the plugin was built with another first value than the host's, which counts"})
		}
	}
	return out
}
