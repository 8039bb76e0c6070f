package abi

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// withPath is a type name that is qualified by an import path with a slash.
var withPath = regexp.MustCompile(`[^\s()\[\]{}*,;]*/[^\s()\[\]{}*,;]*`)

// linkForm writes a type as the compiler does for the linker (cmd/compile/internal/types, fmtTypeID): byte is uint8, parameters have no
// names, and there is one way to put spaces. main is the plugin path, which stands for package main. ok is false for what has a form of its own
// here: structs and interfaces that are not empty, arrays whose length is no number.
func linkForm(want, main string) (form string, ok bool) {
	w, err := writeType(want, main)
	return w.b.String(), err == nil && !w.unknown
}

// runtimeForm writes a type as the runtime prints it, with package names instead of import paths.
func runtimeForm(want string) (form string, ok bool) {
	w, err := writeType(want, "")
	return shortType(w.b.String()), err == nil
}

func writeType(want, main string) (*typeWriter, error) {
	expr, paths, err := parseType(want)
	w := &typeWriter{paths: paths, main: main}
	if err == nil {
		w.write(expr)
	}
	return w, err
}

// parseType reads a type. Names with an import path are identifiers that stand for one of paths.
func parseType(want string) (expr ast.Expr, paths []string, err error) {
	plain := withPath.ReplaceAllStringFunc(want, func(s string) string {
		dots := ""
		if rest, variadic := strings.CutPrefix(s, "..."); variadic {
			dots, s = "...", rest
		}
		paths = append(paths, s)
		return fmt.Sprintf("%squalifiedΩ%d", dots, len(paths)-1)
	})
	expr, err = parser.ParseExpr(plain)
	return expr, paths, err
}

// arrayLen is the length of an array type, which may be any constant expression without names.
func arrayLen(e *ast.ArrayType) (n string, ok bool) {
	if e.Len == nil {
		return "", false
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(e.Len))
	if err != nil || v.Value == nil || v.Value.Kind() != constant.Int {
		return "", false
	}
	return v.Value.ExactString(), true
}

type typeWriter struct {
	b       strings.Builder
	paths   []string
	main    string
	unknown bool
}

// universe are the names that stand for another type.
var universe = map[string]string{"byte": "uint8", "rune": "int32", "any": "interface {}"}

func (w *typeWriter) write(e ast.Expr) {
	switch e := e.(type) {
	case *ast.Ident:
		if n, ok := strings.CutPrefix(e.Name, "qualifiedΩ"); ok {
			if i, err := strconv.Atoi(n); err == nil && i < len(w.paths) {
				w.b.WriteString(w.paths[i])
				return
			}
		}
		if other, ok := universe[e.Name]; ok {
			w.b.WriteString(other)
			return
		}
		w.b.WriteString(e.Name)
	case *ast.SelectorExpr:
		if pkg, ok := e.X.(*ast.Ident); ok && pkg.Name == "main" && w.main != "" {
			w.b.WriteString(w.main)
		} else {
			w.write(e.X)
		}
		w.b.WriteString("." + e.Sel.Name)
	case *ast.IndexExpr:
		w.instance(e.X, e.Index)
	case *ast.IndexListExpr:
		w.instance(e.X, e.Indices...)
	case *ast.ChanType:
		w.channel(e)
	case *ast.ParenExpr:
		w.write(e.X)
	case *ast.StarExpr:
		w.b.WriteByte('*')
		w.write(e.X)
	case *ast.ArrayType:
		n, isNumber := arrayLen(e)
		if w.b.WriteString("[" + n + "]"); e.Len != nil && !isNumber {
			w.unknown = true
		}
		w.write(e.Elt)
	case *ast.MapType:
		w.b.WriteString("map[")
		w.write(e.Key)
		w.b.WriteByte(']')
		w.write(e.Value)
	case *ast.FuncType:
		w.b.WriteString("func(")
		w.fields(e.Params)
		w.b.WriteByte(')')
		w.results(e.Results)
	case *ast.InterfaceType:
		w.members("interface", e.Methods)
	case *ast.StructType:
		w.members("struct", e.Fields)
	default:
		w.unknown = true
	}
}

// instance writes a generic type with its arguments.
func (w *typeWriter) instance(generic ast.Expr, args ...ast.Expr) {
	w.write(generic)
	for i, a := range args {
		w.b.WriteByte("[,"[min(i, 1)])
		w.write(a)
	}
	w.b.WriteByte(']')
}

// channel has parentheses where a channel of channels would be read as another one.
func (w *typeWriter) channel(e *ast.ChanType) {
	elem := e.Value
	for p, ok := elem.(*ast.ParenExpr); ok; p, ok = elem.(*ast.ParenExpr) {
		elem = p.X
	}
	switch e.Dir {
	case ast.RECV:
		w.b.WriteString("<-chan ")
	case ast.SEND:
		w.b.WriteString("chan<- ")
	default:
		w.b.WriteString("chan ")
		if c, ok := elem.(*ast.ChanType); ok && c.Dir == ast.RECV {
			w.b.WriteByte('(')
			w.write(elem)
			w.b.WriteByte(')')
			return
		}
	}
	w.write(elem)
}

// members writes a struct or an interface as the runtime prints it; only empty ones are the same for the linker.
func (w *typeWriter) members(kind string, list *ast.FieldList) {
	if list.NumFields() == 0 && len(list.List) == 0 {
		w.b.WriteString(kind + " {}")
		return
	}
	w.unknown = true
	var out []string
	outer := w.b.String()
	for _, f := range list.List {
		w.b.Reset()
		method, isMethod := f.Type.(*ast.FuncType)
		if isMethod = isMethod && kind == "interface"; isMethod {
			w.b.WriteByte('(')
			w.fields(method.Params)
			w.b.WriteByte(')')
			w.results(method.Results)
		} else {
			w.write(f.Type)
		}
		text := w.b.String()
		if f.Tag != nil {
			if tag, err := strconv.Unquote(f.Tag.Value); err == nil {
				text += " " + strconv.Quote(tag)
			}
		}
		if len(f.Names) == 0 {
			out = append(out, text)
		}
		for _, n := range f.Names {
			if isMethod {
				out = append(out, n.Name+text)
			} else {
				out = append(out, n.Name+" "+text)
			}
		}
	}
	if kind == "interface" {
		slices.Sort(out)
	}
	w.b.Reset()
	w.b.WriteString(outer + kind + " { " + strings.Join(out, "; ") + " }")
}

// results writes what stands behind a function's parameters.
func (w *typeWriter) results(list *ast.FieldList) {
	switch list.NumFields() {
	case 0:
	case 1:
		w.b.WriteByte(' ')
		w.fields(list)
	default:
		w.b.WriteString(" (")
		w.fields(list)
		w.b.WriteByte(')')
	}
}

// fields writes types without names: "a, b int" is "int, int".
func (w *typeWriter) fields(list *ast.FieldList) {
	if list == nil {
		return
	}
	first := true
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			if !first {
				w.b.WriteString(", ")
			}
			first = false
			t := f.Type
			if dots, ok := t.(*ast.Ellipsis); ok {
				w.b.WriteString("...")
				t = dots.Elt
			}
			w.write(t)
		}
	}
}
