package plan

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is a place in the file, both numbers from 1.
type position struct{ line, col int }

// index maps a dotted key path, array elements by number ("plugin.0.flags.1"), to its place.
type index map[string]position

// find returns the place of path or of its nearest parent that has one; 0, 0 if none has.
func (x index) find(path string) (line, col int) {
	for {
		if p, ok := x[path]; ok {
			return p.line, p.col
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return 0, 0
		}
		path = path[:i]
	}
}

// has reports whether the key was written at all, be it as an empty value.
func (x index) has(path string) bool { _, ok := x[path]; return ok }

// at returns the shortest path whose place is line, col, or "".
func (x index) at(line, col int) (path string) {
	for p, pos := range x {
		if pos.line == line && pos.col == col && (path == "" || len(p) < len(path) || len(p) == len(path) && p < path) {
			path = p
		}
	}
	return path
}

// indexOf walks a document that is known to parse.
func indexOf(data []byte) index {
	x := index{}
	arrays := map[string]int{} // number of [[tables]] seen so far
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			parts, pos := keyOf(&p, e)
			table = ""
			for i, part := range parts {
				table = join(table, part)
				if n, ok := arrays[table]; ok && (i < len(parts)-1 || e.Kind == unstable.Table) {
					table = join(table, strconv.Itoa(n-1))
				}
			}
			if e.Kind == unstable.ArrayTable {
				n := arrays[table]
				arrays[table]++
				x.put(table, pos)
				table = join(table, strconv.Itoa(n))
			}
			x.put(table, pos)
		case unstable.KeyValue:
			x.keyValue(&p, table, e)
		}
	}
	return x
}

func (x index) keyValue(p *unstable.Parser, table string, e *unstable.Node) {
	parts, pos := keyOf(p, e)
	for _, part := range parts {
		table = join(table, part)
		x.put(table, pos)
	}
	x.value(p, table, e.Value())
}

func (x index) value(p *unstable.Parser, path string, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			x.keyValue(p, path, it.Node())
		}
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); {
			n := it.Node()
			if n.Kind == unstable.Comment {
				continue
			}
			elem := join(path, strconv.Itoa(i))
			if n.Raw.Length > 0 {
				x.put(elem, positionOf(p, n))
			}
			x.value(p, elem, n)
			i++
		}
	}
}

func (x index) put(path string, pos position) {
	if _, ok := x[path]; !ok {
		x[path] = pos
	}
}

func keyOf(p *unstable.Parser, e *unstable.Node) ([]string, position) {
	var parts []string
	var pos position
	for it := e.Key(); it.Next(); {
		n := it.Node()
		if parts == nil {
			pos = positionOf(p, n)
		}
		parts = append(parts, string(n.Data))
	}
	return parts, pos
}

func positionOf(p *unstable.Parser, n *unstable.Node) position {
	s := p.Shape(n.Raw).Start
	return position{s.Line, s.Column}
}

func join(path, part string) string {
	if path == "" {
		return part
	}
	return path + "." + part
}
