package plan

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// checkType checks that s is a type in Go syntax with full import paths, as the symbols of a plugin are declared: "*example.test/api.Greeter",
// "func(string) error". Whether there is such a type is not its business; the empty type stands for any.
func checkType(s string) error {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	plain, err := withoutPaths(s)
	if err != nil {
		return err
	}
	expr, err := parser.ParseExpr(plain)
	if err != nil {
		return errors.New("it is no Go syntax")
	}
	if bad := notType(expr); bad != "" {
		return fmt.Errorf("%s is no type", bad)
	}
	return nil
}

// withoutPaths replaces every name of a type by an identifier, for import paths are no Go syntax.
func withoutPaths(s string) (string, error) {
	s = strings.ReplaceAll(s, "<-", "\x01")
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexAny(s, " \t()[]{}*,;~|&\x01")
		switch {
		case n == 0:
			b.WriteByte(s[0])
			s = s[1:]
			continue
		case n < 0:
			n = len(s)
		}
		word := s[:n]
		s = s[n:]
		if rest, variadic := strings.CutPrefix(word, "..."); variadic {
			b.WriteString("...")
			word = rest
		}
		switch {
		case word == "", token.IsKeyword(word), strings.Trim(word, "0123456789_xX") == "":
			b.WriteString(word)
		case !qualified(word):
			return "", fmt.Errorf("%q is not the name of a type, like int or example.test/api.Greeter", word)
		default:
			b.WriteString("T")
		}
	}
	return strings.ReplaceAll(b.String(), "\x01", "<-"), nil
}

// qualified reports whether word is an identifier, alone or behind an import path and a dot.
func qualified(word string) bool {
	at := strings.LastIndexByte(word, '.')
	if at == 0 || strings.ContainsAny(word, "\"'`\\<>:!?=+%^$@#") {
		return false
	}
	return token.IsIdentifier(word[at+1:])
}

// notType is the first part of an expression that cannot be part of a type, in words, or empty.
func notType(e ast.Expr) (bad string) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			bad = "a call"
		case *ast.BinaryExpr, *ast.UnaryExpr:
			bad = "an operation"
		case *ast.CompositeLit, *ast.FuncLit:
			bad = "a value"
		case *ast.ArrayType:
			if lit, ok := n.Len.(*ast.BasicLit); ok && lit.Kind == token.INT {
				bad = notType(n.Elt)
				return false
			}
		case *ast.InterfaceType: // unions and embedded constraints
			return false
		case *ast.BasicLit:
			bad = "a literal"
		}
		return bad == ""
	})
	return bad
}
