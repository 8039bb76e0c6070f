package testplugin

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"time"
)

// texts evaluates constant strings.
func texts(exprs []ast.Expr) ([]string, bool) {
	out := make([]string, 0, len(exprs))
	for _, e := range exprs {
		s, ok := text(e)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// text evaluates a string literal, or filepath.Join(modRoot, "NAME"), which names an output.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.CallExpr:
		if callee(e) == "filepath.Join" && len(e.Args) == 2 && isIdent(e.Args[0], "modRoot") {
			return text(e.Args[1])
		}
	}
	return "", false
}

// duration evaluates N*time.Second and N*time.Minute.
func duration(e ast.Expr) (time.Duration, bool) {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.MUL {
		return 0, false
	}
	n, ok := number(b.X)
	sel, isSel := b.Y.(*ast.SelectorExpr)
	if !ok || !isSel || !isIdent(sel.X, "time") {
		return 0, false
	}
	switch sel.Sel.Name {
	case "Second":
		return time.Duration(n) * time.Second, true
	case "Minute":
		return time.Duration(n) * time.Minute, true
	}
	return 0, false
}

// maxLoop is how often a program may be run.
const maxLoop = 10000

// loop evaluates "for i := 0; i < N; i++" and "for n := N; n > 0; n--" to N.
func loop(s *ast.ForStmt) (int, bool) {
	init, ok := s.Init.(*ast.AssignStmt)
	cond, isCond := s.Cond.(*ast.BinaryExpr)
	post, isPost := s.Post.(*ast.IncDecStmt)
	if !ok || !isCond || !isPost || len(init.Rhs) != 1 {
		return 0, false
	}
	from, ok1 := number(init.Rhs[0])
	to, ok2 := number(cond.Y)
	up := cond.Op == token.LSS && post.Tok == token.INC && from < to
	down := cond.Op == token.GTR && post.Tok == token.DEC && from > to
	if !ok1 || !ok2 || !up && !down {
		return 0, false
	}
	return max(from-to, to-from), max(from, to) <= maxLoop
}

func number(e ast.Expr) (int, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.INT {
		return 0, false
	}
	n, err := strconv.Atoi(lit.Value)
	return n, err == nil && n >= 0
}

// platform evaluates a condition over runtime.GOOS and runtime.GOARCH.
func (r *reader) platform(e ast.Expr) (holds, ok bool) {
	b, isBinary := e.(*ast.BinaryExpr)
	if !isBinary {
		return false, false
	}
	switch b.Op {
	case token.LOR, token.LAND:
		x, ok1 := r.platform(b.X)
		y, ok2 := r.platform(b.Y)
		if b.Op == token.LOR {
			return x || y, ok1 && ok2
		}
		return x && y, ok1 && ok2
	case token.EQL, token.NEQ:
		have, known := r.runtimeConst(b.X)
		want, isText := text(b.Y)
		return (have == want) == (b.Op == token.EQL), known && isText
	}
	return false, false
}

// runtimeConst evaluates runtime.GOOS and runtime.GOARCH.
func (r *reader) runtimeConst(e ast.Expr) (value string, ok bool) {
	sel, isSel := e.(*ast.SelectorExpr)
	if !isSel || !isIdent(sel.X, "runtime") {
		return "", false
	}
	value, ok = map[string]string{"GOOS": "linux", "GOARCH": r.arch}[sel.Sel.Name]
	return value, ok
}

// skipIn finds t.Skip or t.Skipf and what it says.
func (r *reader) skipIn(b *ast.BlockStmt) (why string, ok bool) {
	for _, s := range b.List {
		e, isExpr := s.(*ast.ExprStmt)
		if !isExpr {
			continue
		}
		call, isCall := e.X.(*ast.CallExpr)
		if !isCall || callee(call) != "t.Skip" && callee(call) != "t.Skipf" {
			continue
		}
		if len(call.Args) > 0 {
			why, _ = text(call.Args[0])
		}
		for _, arg := range call.Args[min(1, len(call.Args)):] {
			value, _ := r.runtimeConst(arg)
			why = strings.Replace(why, "%s", value, 1)
		}
		return why, true
	}
	return "", false
}

// callee is "f" or "x.f".
func callee(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return "?"
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
