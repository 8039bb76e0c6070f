package abi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"regexp"
	"strconv"
	"strings"
)

// withPath is a type name that is qualified by an import path with a slash.
var withPath = regexp.MustCompile(`[^\s()\[\]{}*,;]*/[^\s()\[\]{}*,;]*`)

// linkForm writes a type as the compiler does for the linker (cmd/compile/internal/types, fmtTypeID): byte is uint8, parameters have no
// names, and there is one way to put spaces. ok is false for what has a form of its own here: structs, interfaces with methods, generics.
func linkForm(want string) (form string, ok bool) {
	var paths []string
	plain := withPath.ReplaceAllStringFunc(want, func(s string) string {
		dots := ""
		if rest, variadic := strings.CutPrefix(s, "..."); variadic {
			dots, s = "...", rest
		}
		paths = append(paths, s)
		return fmt.Sprintf("%squalifiedΩ%d", dots, len(paths)-1)
	})
	expr, err := parser.ParseExpr(plain)
	if err != nil {
		return "", false
	}
	w := typeWriter{paths: paths}
	w.write(expr)
	return w.b.String(), !w.unknown
}

type typeWriter struct {
	b       strings.Builder
	paths   []string
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
		w.write(e.X)
		w.b.WriteString("." + e.Sel.Name)
	case *ast.ParenExpr:
		w.write(e.X)
	case *ast.StarExpr:
		w.b.WriteByte('*')
		w.write(e.X)
	case *ast.ArrayType:
		n, isNumber := e.Len.(*ast.BasicLit)
		switch {
		case e.Len == nil:
			w.b.WriteString("[]")
		case isNumber:
			w.b.WriteString("[" + n.Value + "]")
		default:
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
		w.b.WriteString("interface {}")
		w.unknown = w.unknown || e.Methods.NumFields() > 0
	case *ast.StructType:
		w.b.WriteString("struct {}")
		w.unknown = w.unknown || e.Fields.NumFields() > 0
	default: // channels of channels have parentheses of their own; generics and constants are not for us
		w.unknown = true
	}
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
