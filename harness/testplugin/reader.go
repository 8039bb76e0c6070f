package testplugin

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"time"
)

// reader walks one function's statements in order and writes down what they build and run.
type reader struct {
	arch    string
	c       Case
	dir     string            // the working directory, Main or Alt
	times   int               // how often the statement is run
	timeout time.Duration     // of the next command
	files   map[string]string // variables that hold a file's contents, to the file
	lenient bool              // testMain: what is not understood is not about plugins
	unknown string            // the first thing that was not understood
}

func (r *reader) miss(format string, args ...any) {
	if !r.lenient && r.unknown == "" {
		r.unknown = fmt.Sprintf(format, args...)
	}
}

func (r *reader) block(b *ast.BlockStmt) {
	for _, s := range b.List {
		if r.c.Skip != "" {
			return
		}
		r.stmt(s)
	}
}

func (r *reader) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		r.expr(s.X)
	case *ast.AssignStmt:
		r.assign(s)
	case *ast.IfStmt:
		r.ifStmt(s)
	case *ast.ForStmt:
		n, ok := loop(s)
		if !ok || r.times*n > maxLoop {
			r.miss("a loop that is not counted")
			return
		}
		before := r.times
		r.times *= n
		r.block(s.Body)
		r.times = before
	case *ast.GoStmt: // TestForkExec of Go 1.21 watches its loop from outside
		if fn, ok := s.Call.Fun.(*ast.FuncLit); ok {
			r.block(fn.Body)
			return
		}
		r.miss("a goroutine")
	case *ast.DeferStmt, *ast.ReturnStmt, *ast.BranchStmt, *ast.SendStmt, *ast.SelectStmt, *ast.DeclStmt, *ast.EmptyStmt:
	default:
		r.miss("a %T", s)
	}
}

// ifStmt takes the test's own skips at their word and passes over the handling of errors.
func (r *reader) ifStmt(s *ast.IfStmt) {
	if s.Init != nil {
		r.stmt(s.Init)
	}
	if why, skips := r.skipIn(s.Body); skips && !r.lenient {
		holds, ok := r.platform(s.Cond)
		if !ok {
			r.miss("the condition of a skip")
		} else if holds {
			r.c.Skip = "the test itself skips here: " + why
		}
		return
	}
	switch c := s.Cond.(type) {
	case *ast.BinaryExpr:
		if isIdent(c.X, "err") && isIdent(c.Y, "nil") && c.Op == token.NEQ {
			if s.Else != nil && r.lenient { // os.Chdir stands in the condition
				r.stmt(s.Else)
			}
			return
		}
		if call, ok := c.X.(*ast.CallExpr); ok && isIdent(call.Fun, "len") && c.Op == token.EQL {
			return // a tool that printed nothing
		}
	}
	r.miss("an if")
}

// assign knows the commands whose results only lead to t.Fatal.
func (r *reader) assign(s *ast.AssignStmt) {
	if len(s.Rhs) != 1 {
		r.miss("an assignment of several values")
		return
	}
	call, ok := s.Rhs[0].(*ast.CallExpr)
	if !ok {
		r.miss("an assignment")
		return
	}
	if name := callee(call); name == "os.ReadFile" && len(call.Args) == 1 {
		if file, ok := text(call.Args[0]); ok {
			if id, ok := s.Lhs[0].(*ast.Ident); ok {
				r.files[id.Name] = file
				return
			}
		}
	}
	r.expr(call)
}

// minArgs are the fewest arguments that a call has which is understood.
var minArgs = map[string]int{"goCmd": 2, "run": 2, "exec.Command": 1, "exec.CommandContext": 2, "testenv.Command": 2,
	"context.WithTimeout": 1, "t.Run": 2, "os.Chdir": 1, "os.WriteFile": 2}

func (r *reader) expr(e ast.Expr) {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		r.miss("an expression")
		return
	}
	name := callee(call)
	if len(call.Args) < minArgs[name] {
		r.miss("a call of %s with %d arguments", name, len(call.Args))
		return
	}
	switch name {
	case "globalSkip", "t.Parallel", "t.Helper", "t.Log", "t.Logf", "make", "cmd.Run", "cmd.CombinedOutput", "cmd.Output":
	case "goCmd":
		r.goCmd(call.Args)
	case "run":
		r.command(call.Args[1:], 0)
	case "exec.Command":
		r.command(call.Args, 0)
	case "exec.CommandContext":
		r.command(call.Args[1:], r.timeout)
	case "testenv.Command":
		r.command(call.Args[1:], 0)
	case "context.WithTimeout":
		d, ok := duration(call.Args[len(call.Args)-1])
		if !ok {
			r.miss("a timeout")
		}
		r.timeout = d
	case "t.Run":
		fn, ok := call.Args[len(call.Args)-1].(*ast.FuncLit)
		if !ok {
			r.miss("a subtest")
			return
		}
		r.block(fn.Body)
	case "os.Chdir":
		if r.lenient {
			r.dir = map[bool]string{true: Alt, false: Main}[isIdent(call.Args[0], "altRoot")]
			return
		}
		r.miss("another working directory")
	case "os.WriteFile":
		if to, ok := text(call.Args[0]); ok {
			if id, ok := call.Args[1].(*ast.Ident); ok && r.files[id.Name] != "" {
				r.build(Build{Out: to, Copy: r.files[id.Name]})
				return
			}
		}
		r.miss("a file that is written")
	default:
		r.miss("a call of %s", name)
	}
}

// command is a program that is run in the directory of the outputs.
func (r *reader) command(args []ast.Expr, timeout time.Duration) {
	argv, ok := texts(args)
	if !ok || len(argv) == 0 || !strings.HasPrefix(argv[0], "./") {
		r.miss("the arguments of a command")
		return
	}
	r.c.Runs = append(r.c.Runs, Run{Argv: argv, Count: r.times, Timeout: timeout})
}

// goCmd is goCmd(t, op, args...).
func (r *reader) goCmd(exprs []ast.Expr) {
	args, ok := texts(exprs[1:])
	if !ok || len(args) < 2 {
		r.miss("the arguments of go")
		return
	}
	switch args[0] {
	case "build":
		b := Build{Dir: r.dir, Mode: Exe}
		if !b.flags(args[1:]) {
			r.miss("the flags of go build")
			return
		}
		r.build(b)
	case "run": // built here, run where the plugins are
		b := Build{Dir: r.dir, Mode: Exe, Package: args[1]}
		b.Out = strings.TrimPrefix(strings.TrimSuffix(args[1], "/main.go"), "./") + ".exe"
		if strings.HasPrefix(args[1], "-") || strings.ContainsRune(b.Out, '/') {
			r.miss("the flags of go run")
			return
		}
		r.build(b)
		r.c.Runs = append(r.c.Runs, Run{Argv: append([]string{"./" + b.Out}, args[2:]...), Count: r.times})
	case "tool":
		r.c.Tools = append(r.c.Tools, args)
	default:
		r.miss("go %s", args[0])
	}
}

// build adds a file once.
func (r *reader) build(b Build) {
	for _, old := range r.c.Builds {
		if old.Out == b.Out {
			if old.Key() != b.Key() {
				r.miss("two builds of %q", b.Out)
			}
			return
		}
	}
	r.c.Builds = append(r.c.Builds, b)
}

// flags reads go build's arguments.
func (b *Build) flags(args []string) bool {
	for ; len(args) > 1; args = args[1:] {
		switch name, value, has := strings.Cut(args[0], "="); {
		case name == "-o" && has:
			b.Out = value
		case name == "-o" && len(args) > 2:
			b.Out = args[1]
			args = args[1:]
		case name == "-buildmode" && has:
			b.Mode = Mode(value)
		case strings.HasPrefix(name, "-") && has:
			b.Flags = append(b.Flags, args[0])
		default:
			return false
		}
	}
	b.Package = args[0]
	if b.Out == "" {
		b.Out = outOf(b.Package, b.Mode)
	}
	return strings.HasPrefix(b.Package, "./") && (b.Mode == Plugin || b.Mode == Exe || b.Mode == PIE)
}
