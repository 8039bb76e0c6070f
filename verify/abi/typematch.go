package abi

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"

	"github.com/plugproof/plugproof/verify/goelf"
)

// answer is what can be said of two types.
type answer int

const (
	undecidable answer = iota
	same
	other
)

// matcher compares declared types with a plugin's own, by their descriptors: structs and interfaces without a name have no form of which the
// linker's name could be computed.
type matcher struct {
	types *goelf.Types
	paths []string
	main  string // the plugin path, which stands for package main
	why   string // they are not the same
}

// match compares a declaration with the type of an export.
func (m *matcher) match(want string, e goelf.Export) answer {
	expr, paths, err := parseType(want)
	if err != nil {
		m.why = "; the declaration is no type: " + err.Error()
		return other
	}
	m.paths = paths
	t, err := m.types.Of(e)
	if err != nil {
		return undecidable
	}
	return m.same(expr, t)
}

// all is the answer for a type whose parts have these.
func all(parts ...answer) answer {
	switch {
	case slices.Contains(parts, other):
		return other
	case slices.Contains(parts, undecidable):
		return undecidable
	}
	return same
}

func (m *matcher) same(e ast.Expr, t goelf.Type) answer {
	w := &typeWriter{paths: m.paths, main: m.main}
	if w.write(e); !w.unknown {
		return m.simple(w.b.String(), t)
	}
	if t.Name == "" { // its descriptor is in another file
		return undecidable
	}
	if p, ok := e.(*ast.ParenExpr); ok {
		return m.same(p.X, t)
	}
	if t.Named {
		if _, generic := e.(*ast.IndexExpr); generic {
			return undecidable
		} else if _, generic := e.(*ast.IndexListExpr); generic {
			return undecidable
		}
		return other
	}
	parts, err := m.types.Members(t)
	if err != nil {
		return undecidable
	}
	switch e := e.(type) {
	case *ast.StarExpr:
		if t.Kind == goelf.KindPointer {
			return m.same(e.X, parts.Elem)
		}
	case *ast.ArrayType:
		switch n, ok := arrayLen(e); {
		case e.Len == nil && t.Kind == goelf.KindSlice:
			return m.same(e.Elt, parts.Elem)
		case e.Len != nil && !ok:
			return undecidable
		case e.Len != nil && t.Kind == goelf.KindArray && n == strconv.FormatUint(parts.Len, 10):
			return m.same(e.Elt, parts.Elem)
		}
	case *ast.MapType:
		if t.Kind == goelf.KindMap {
			return all(m.same(e.Key, parts.Key), m.same(e.Value, parts.Elem))
		}
	case *ast.ChanType:
		dir := map[ast.ChanDir]uint64{ast.RECV: 1, ast.SEND: 2, ast.RECV | ast.SEND: 3}[e.Dir]
		if t.Kind == goelf.KindChan && dir == parts.Dir {
			return m.same(e.Value, parts.Elem)
		}
	case *ast.FuncType:
		if t.Kind == goelf.KindFunc {
			return m.function(e, parts)
		}
	case *ast.StructType:
		if t.Kind == goelf.KindStruct {
			return m.fields(e, parts)
		}
	case *ast.InterfaceType:
		if t.Kind == goelf.KindInterface {
			return m.methods(e, parts)
		}
	default:
		return undecidable
	}
	return other
}

// simple compares what the compiler writes for the linker: with the linker's name, else with what reflect prints.
func (m *matcher) simple(form string, t goelf.Type) answer {
	if t.Symbol != "" {
		if slices.Contains(typeSymbols(form), t.Symbol) || slices.Contains(typeSymbols(escapeDots(form)), t.Symbol) {
			return same
		}
		return other
	}
	if shortType(form) != t.Name {
		return other
	}
	return undecidable
}

// flat lists the fields of a list, one for each name.
func flat(list *ast.FieldList) (names []string, fields []*ast.Field) {
	if list == nil {
		return nil, nil
	}
	for _, f := range list.List {
		if len(f.Names) == 0 {
			names, fields = append(names, ""), append(fields, f)
		}
		for _, n := range f.Names {
			names, fields = append(names, n.Name), append(fields, f)
		}
	}
	return names, fields
}

func (m *matcher) function(e *ast.FuncType, parts goelf.Members) answer {
	_, in := flat(e.Params)
	_, out := flat(e.Results)
	if len(in) != len(parts.In) || len(out) != len(parts.Out) {
		return other
	}
	got := same
	for i, f := range in {
		expr, variadic := f.Type, false
		if dots, ok := expr.(*ast.Ellipsis); ok {
			expr, variadic = &ast.ArrayType{Elt: dots.Elt}, true
		}
		if i == len(in)-1 && variadic != parts.Variadic {
			return other
		}
		got = all(got, m.same(expr, parts.In[i]))
	}
	if len(in) == 0 && parts.Variadic {
		return other
	}
	for i, f := range out {
		got = all(got, m.same(f.Type, parts.Out[i]))
	}
	return got
}

func (m *matcher) fields(e *ast.StructType, parts goelf.Members) answer {
	names, fields := flat(e.Fields)
	if len(fields) != len(parts.Fields) {
		return other
	}
	got := same
	for i, f := range fields {
		x := parts.Fields[i]
		tag := ""
		if f.Tag != nil {
			var err error
			if tag, err = strconv.Unquote(f.Tag.Value); err != nil {
				return undecidable
			}
		}
		if embedded := names[i] == ""; embedded != x.Embedded || !embedded && names[i] != x.Name || tag != x.Tag {
			return other
		}
		got = all(got, m.same(f.Type, x.Type), m.exported(x.Name, parts.Package))
	}
	return got
}

// exported minds that names of one package are not those of another.
func (m *matcher) exported(name, pkg string) answer {
	switch {
	case token.IsExported(name):
		return same
	case pkg == m.main || pkg == "main":
		m.why = fmt.Sprintf("; %s is not exported: in a type without a name it is the plugin's own, and a host's type of the same text is another one", name)
		return other
	}
	return undecidable
}

// methods compares the methods of an interface, those of embedded ones too, in whatever order.
func (m *matcher) methods(e *ast.InterfaceType, parts goelf.Members) answer {
	has := map[string]goelf.Type{}
	for _, x := range parts.Methods {
		has[x.Name] = x.Type
	}
	got, seen := same, map[string]bool{}
	names, fields := flat(e.Methods)
	for i, f := range fields {
		switch typ := f.Type.(type) {
		case *ast.FuncType:
			t, ok := has[names[i]]
			if !ok {
				return other
			}
			seen[names[i]] = true
			got = all(got, m.same(typ, t), m.exported(names[i], parts.Package))
		default:
			w := &typeWriter{paths: m.paths, main: m.main}
			if w.write(f.Type); w.unknown {
				return undecidable
			}
			inner, ok := m.embedded(w.b.String())
			if !ok {
				return undecidable
			}
			for name, t := range inner {
				x, ok := has[name]
				if !ok {
					return other
				}
				seen[name] = true
				if x.Symbol != t.Symbol || x.Name != t.Name {
					return other
				}
			}
		}
	}
	if len(seen) != len(has) {
		return other
	}
	return got
}

// embedded are the methods of an interface type that has a name, if the plugin has it.
func (m *matcher) embedded(form string) (map[string]goelf.Type, bool) {
	t, ok := m.types.BySymbol(slices.Concat(typeSymbols(form), typeSymbols(escapeDots(form))))
	if !ok || t.Kind != goelf.KindInterface {
		return nil, false
	}
	parts, err := m.types.Members(t)
	out := map[string]goelf.Type{}
	for _, x := range parts.Methods {
		out[x.Name] = x.Type
	}
	return out, err == nil
}
