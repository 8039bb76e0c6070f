package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/plugproof/plugproof/"

// arrows says which packages of the module each package may import. The longest matching prefix counts; "x/..." is x and
// everything below it.
var arrows = map[string][]string{
	"results":                     {},
	"results/...":                 {"results"},
	"fixtures/...":                {"results"},
	"fixtures/leaks":              {"fixtures"},
	"images/...":                  {"results", "images/..."},
	"verify/...":                  {"results"},
	"verify/elfdiff/...":          {"results", "verify/goelf"},
	"verify/abi/...":              {"results", "verify/goelf", "verify/drift"},
	"verify/drift/...":            {"verify/goelf"},
	"verify/shape/...":            {"results", "verify/goelf"},
	"verify/policy/...":           {"results", "verify/goelf", "verify/supply/inflate", "verify/supply/modtree"},
	"verify/attest/...":           {"results/...", "verify/supply/seal"},
	"verify/supply/kit/...":       {"results", "verify/supply/seal"},
	"verify/supply/modtree/...":   {"results", "verify/supply/inflate"},
	"verify/supply/vendored/...":  {"results", "verify/supply/inflate", "verify/supply/modtree/..."},
	"verify/cause/...":            {"results", "verify/elfdiff", "verify/goelf", "verify/actions"},
	"harness/proc/...":            {"results"},
	"harness/toolchain/...":       {"results", "fixtures/...", "images/...", "verify/...", "harness/proc"},
	"harness/plan/...":            {"results", "fixtures/...", "images/...", "verify/..."},
	"harness/vary/...":            {},
	"harness/build/...":           {"results", "fixtures/...", "images/...", "verify/...", "harness/proc", "harness/toolchain", "harness/plan", "harness/vary"},
	"harness/inquiry/...":         {"results", "verify/...", "harness/proc", "harness/toolchain", "harness/plan", "harness/vary", "harness/build"},
	"harness/mirror/...":          {"results", "verify/supply/kit", "verify/supply/modtree/..."},
	"harness/supply/...":          {"results", "verify/...", "images/...", "harness/proc"},
	"harness/vm/...":              {"results", "fixtures/...", "images/...", "verify/...", "harness/proc", "harness/guest"},
	"harness/guest/...":           {"harness/guest/..."},
	"harness/worker/...":          {"results/...", "fixtures/...", "images/...", "verify/...", "harness/proc", "harness/toolchain", "harness/plan", "harness/vary", "harness/build", "harness/inquiry", "harness/vm", "harness/testplugin", "harness/guest/..."},
	"harness/testplugin/...":      {},
	"harness/script/...":          {"results", "verify/cause"},
	"harness/cli/...":             {"results/...", "fixtures/...", "images/...", "verify/...", "harness/..."},
	"harness/cmd/plugproof":       {"harness/cli", "harness/proc"},
	"harness/cmd/plugproof-guest": {"harness/guest/..."},
	"scripts/...":                 {"harness/..."},
	"scripts/agree":               {"results", "images/...", "verify/...", "harness/..."},
	"scripts/chaos":               {"harness/...", "results/..."},
	"scripts/score":               {"harness/...", "fixtures/...", "verify/...", "results"},
}

// standardOnly are packages that are compiled on demand where no module is at hand.
var standardOnly = []string{"harness/guest/...", "harness/cmd/plugproof-guest"}

// outside is what only harness/cli and harness/cmd may use; below them flags, environment, clock and terminal come in
// as arguments.
var outside = map[string][]string{
	"os":                {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Args", "Exit", "Stdin", "Stdout", "Stderr", "UserHomeDir", "UserCacheDir", "Getwd"},
	"time":              {"Now", "Since", "Until"},
	"flag":              nil, // the whole package
	"log":               nil,
	"log/slog":          nil,
	"math/rand":         nil,
	"crypto/rand":       nil,
	"golang.org/x/term": nil,
}

// excused may use something of outside all the same, for a reason.
var excused = map[string]map[string]string{
	"harness/proc/...":      {"os.Args": "a supervisor is this program, run again", "os.Environ": "the same", "os.Getenv": "the same", "os.LookupEnv": "the same", "os.Unsetenv": "the same", "os.Exit": "a supervisor never returns", "os.Stderr": "a supervisor's last words", "os.Stdin": "a supervisor's pipes", "os.Stdout": "a supervisor's pipes", "time.Now": "deadlines", "time.Since": "deadlines", "crypto/rand": "names that nobody can guess"},
	"images/xbps/sign/...":  {"crypto/rand": "keys and signatures"},
	"harness/guest/...":     {"*": "the guest is a machine of its own: its environment, clock and console are its own"},
	"harness/vm/...":        {"time.Now": "deadlines and durations", "time.Since": "durations", "time.Until": "deadlines", "crypto/rand": "the nonce of the result channel"},
	"harness/build/...":     {"time.Now": "durations", "time.Since": "durations"},
	"harness/worker/...":    {"time.Now": "durations", "time.Since": "durations"},
	"harness/toolchain/...": {"time.Now": "durations", "time.Since": "durations"},
	"harness/script/...":    {"*": "test support"},
}

// pure are packages without effects: no file, process, network or clock. results/store is the one that writes.
var pure = []string{"results", "results/gate", "results/merge", "results/report", "results/compare"}

var effects = []string{"os", "os/exec", "os/signal", "net", "net/http", "syscall", "io/ioutil", "path/filepath", "golang.org/x/sys/unix", "math/rand", "math/rand/v2", "crypto/rand"}

func within(pkg, pattern string) bool {
	base, sub := strings.CutSuffix(pattern, "/...")
	return pkg == base || sub && strings.HasPrefix(pkg, base+"/")
}

// longest returns the value of the longest pattern that holds pkg.
func longest[V any](m map[string]V, pkg string) (V, bool) {
	var best string
	for p := range m {
		if within(pkg, p) && (best == "" || len(p) > len(best)) {
			best = p
		}
	}
	v, ok := m[best]
	return v, ok
}

// sources calls visit for each Go file of the module that is not a test.
func sources(t *testing.T, visit func(pkg, file string, f *ast.File, fset *token.FileSet)) {
	t.Helper()
	root := filepath.Join("..", "..")
	n := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(p, root+string(filepath.Separator)))
		if d.IsDir() {
			if name := d.Name(); p != root && (name == "testdata" || name == "runs" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, 0)
		if err != nil {
			return err
		}
		n++
		visit(path.Dir(rel), rel, f, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Fatalf("only %d files: is this the module's root?", n)
	}
}

func imports(t *testing.T, f *ast.File) []string {
	t.Helper()
	var paths []string
	for _, im := range f.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestArrows(t *testing.T) {
	sources(t, func(pkg, file string, f *ast.File, _ *token.FileSet) {
		allowed, known := longest(arrows, pkg)
		if !known {
			t.Errorf("%s: package %q is not in the list of arrows", file, pkg)
			return
		}
		for _, im := range imports(t, f) {
			own, inside := strings.CutPrefix(im, module)
			if inside && own != pkg && !slices.ContainsFunc(allowed, func(p string) bool { return within(own, p) }) {
				t.Errorf("%s imports %q, against the arrows", file, own)
			}
			first, _, _ := strings.Cut(im, "/")
			if !inside && strings.Contains(first, ".") && slices.ContainsFunc(standardOnly, func(p string) bool { return within(pkg, p) }) {
				t.Errorf("%s imports %q, but may use the standard library only", file, im)
			}
			if slices.Contains(pure, pkg) && slices.Contains(effects, im) {
				t.Errorf("%s imports %q, but %s is pure", file, im, pkg)
			}
		}
	})
}

func TestOnlyTheCommandReadsItsSurroundings(t *testing.T) {
	sources(t, func(pkg, file string, f *ast.File, fset *token.FileSet) {
		if within(pkg, "harness/cli") || within(pkg, "harness/cmd/...") || within(pkg, "scripts/...") {
			return
		}
		reasons, _ := longest(excused, pkg)
		complain := func(pos token.Pos, what, whole string) {
			if reasons["*"] == "" && reasons[what] == "" && reasons[whole] == "" {
				t.Errorf("%s:%d uses %s, which is to be passed in", file, fset.Position(pos).Line, what)
			}
		}
		names := map[string]string{} // of imports in this file
		for _, im := range f.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			name := path.Base(p)
			if im.Name != nil {
				name = im.Name.Name
			}
			names[name] = p
			if members, listed := outside[p]; listed && members == nil {
				complain(im.Pos(), p, p)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(outside[names[x.Name]], sel.Sel.Name) {
				complain(sel.Pos(), names[x.Name]+"."+sel.Sel.Name, "")
			}
			return true
		})
	})
}
