package actions

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// project writes the log that the go command would write of a small build. Its fields are what may differ.
type project struct {
	cc, cflags  string
	dir         string // "" is with -trimpath
	lib         string // contents of lib's source file
	libContents string // content ID of lib, "" follows from its inputs
	main        string // import path of the plugin
	extra       bool   // main imports one package more
	linkflags   string
	vcs         string
	recorded    string // more of the build information
}

func base() project {
	return project{cc: `["gcc"]`, cflags: `["-O2" "-g"]`, lib: "hashlib", main: "example.test/p", linkflags: "[]", vcs: "aaa"}
}

type logWriter struct{ strings.Builder }

// block writes an action and returns its action ID.
func (w *logWriter) block(name string, writes ...string) string {
	fmt.Fprintf(w, "HASH[%s]\n", name)
	h := sha256.New()
	for _, s := range append([]string{"go1.26.8"}, writes...) {
		fmt.Fprintf(w, "HASH[%s]: %q\n", name, s)
		h.Write([]byte(s))
	}
	fmt.Fprintf(w, "HASH[%s]: %x\n", name, h.Sum(nil))
	return fmt.Sprintf("%x", h.Sum(nil)[:10])
}

func (p project) log() string {
	var w logWriter
	trim := "trimpath\n"
	if p.dir != "" {
		trim = "compile\n" // which says nothing
	}
	origin := func(d string) string {
		if p.dir == "" {
			return "module example.test@\n"
		}
		return "dir " + p.dir + "/" + d + "\n"
	}
	w.block("moduleIndex", "modroot /src\n")
	fmt.Fprintln(&w, "# example.test/lib\nwarning: a compiler's")
	cgo := w.block("build runtime/cgo", "compile\n", "goos linux goarch amd64\n", "import \"runtime/cgo\"\n",
		fmt.Sprintf("CC=%s [] %s [\"-lpthread\"]\n", p.cc, p.cflags), "CC ID=\"gcc version 12.2.0 (Debian) \"\n", "file cgo.go h1\n", "import unsafe \n")
	lib := w.block("build example.test/lib", "compile\n", origin("lib"), trim, "go 1.20\n", "import \"example.test/lib\"\n",
		"omitdebug false standard false local false prefix \"\"\n", fmt.Sprintf("CC=%s [] %s []\n", p.cc, p.cflags),
		"compile compile version go1.26.8 [\"-dynlink\"] []\n", "GOAMD64=v1\n", "file lib.go "+p.lib+"\n", "import runtime/cgo "+cgo+"\n")
	if p.libContents != "" {
		lib = p.libContents
	}
	imports := []string{"import example.test/lib " + lib + "\n", "import runtime/cgo " + cgo + "\n"}
	files := []string{"packagefile " + p.main + "=mainid\n", "packagemain x/mainid\n", "packagefile example.test/lib=" + lib + "\n", "packagefile runtime/cgo=" + cgo + "\n"}
	if p.extra {
		x := w.block("build example.test/x", "compile\n", "file x.go h3\n")
		imports, files = append(imports, "import example.test/x "+x+"\n"), append(files, "packagefile example.test/x="+x+"\n")
	}
	w.block("build "+p.main, append([]string{"compile\n", origin("p"), trim, fmt.Sprintf("import %q\n", p.main),
		fmt.Sprintf("modinfo %q\n", fmt.Sprintf("path\t%s\nbuild\t-buildmode=plugin\nbuild\tvcs.revision=%s\n%s", p.main, p.vcs, p.recorded)), "file main.go h2\n"}, imports...)...)
	for range 2 { // the go command prints a link's block twice
		w.block("link "+p.main, append([]string{"link\n", "buildmode plugin goos linux goarch amd64\n", fmt.Sprintf("import %q\n", p.main),
			"link link version go1.26.8 [] plugin\n", "linkflags " + p.linkflags + "\n", "GOAMD64=v1\n", "GOROOT=\n"}, files...)...)
	}
	return w.String()
}

func readLog(t *testing.T, s string) *Log {
	t.Helper()
	l, err := ReadLog(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// text is a root as one line.
func (r Root) text() string {
	s := func(v *string) string {
		if v == nil {
			return "absent"
		}
		return *v
	}
	return fmt.Sprintf("%s: %s => %s (%s)", r.Key, s(r.A), s(r.B), strings.Join(r.Actions, ", "))
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name    string
		a, b    func(*project)
		roots   []string
		cascade int
		only    string // actions of B alone
	}{
		{name: "the same"},
		{name: "spelling of CC", b: func(p *project) { p.cc = `["/usr/bin/gcc"]` },
			roots: []string{`CC: ["gcc"] => ["/usr/bin/gcc"] (build runtime/cgo, build example.test/lib)`}, cascade: 2},
		{name: "flags of CC", b: func(p *project) { p.cflags = `["-O1"]` },
			roots: []string{`CFLAGS: ["-O2" "-g"] => ["-O1"] (build runtime/cgo, build example.test/lib)`}, cascade: 2},
		{name: "order of flags", b: func(p *project) { p.cflags = `["-g" "-O2"]` },
			roots: []string{`CFLAGS: ["-O2" "-g"] => ["-g" "-O2"] (build runtime/cgo, build example.test/lib)`}, cascade: 2},
		{name: "edit", b: func(p *project) { p.lib = "other" },
			roots: []string{`file lib.go: hashlib => other (build example.test/lib)`}, cascade: 2},
		{name: "directory", a: func(p *project) { p.dir = "/src/a" }, b: func(p *project) { p.dir = "/src/deeper/b" },
			roots: []string{`dir: /src/a => /src/deeper/b (build example.test/lib, build example.test/p)`}, cascade: 1},
		{name: "contents from equal inputs", b: func(p *project) { p.libContents = "unlike" },
			roots: []string{`output: LIB => unlike (build example.test/lib)`}, cascade: 2},
		{name: "linker's flags", b: func(p *project) { p.linkflags = `["-X=main.V=1"]` },
			roots: []string{`linkflags: [] => ["-X=main.V=1"] (link example.test/p)`}},
		{name: "stamp", b: func(p *project) { p.vcs = "bbb" },
			roots: []string{`modinfo build vcs.revision: aaa => bbb (build example.test/p)`}},
		{name: "two roots", b: func(p *project) { p.linkflags, p.lib = `["-s"]`, "other" },
			roots: []string{`file lib.go: hashlib => other (build example.test/lib)`, `linkflags: [] => ["-s"] (link example.test/p)`}, cascade: 1},
		{name: "one import more", b: func(p *project) { p.extra = true },
			roots: []string{`import example.test/x: absent => X (build example.test/p)`}, cascade: 1, only: "build example.test/x"},
		{name: "file arguments", b: func(p *project) { p.main = "command-line-arguments" },
			roots: []string{`importpath: example.test/p => command-line-arguments (build example.test/p, link example.test/p)`}},
		{name: "-trimpath on one side", a: func(p *project) { p.dir = "/src" }, roots: []string{`trimpath: absent => true (build example.test/lib, build example.test/p)`}, cascade: 1},
		{name: "recorded flags", b: func(p *project) { p.linkflags, p.recorded = `["-s"]`, "build\t-ldflags=-s\n" },
			roots: []string{`linkflags: [] => ["-s"] (link example.test/p)`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, y := base(), base()
			if tt.a != nil {
				tt.a(&x)
			}
			if tt.b != nil {
				tt.b(&y)
			}
			la, lb := readLog(t, x.log()), readLog(t, y.log())
			for _, l := range []*Log{la, lb} {
				for _, n := range l.Names() {
					if !l.Action(n).Whole {
						t.Errorf("%s is not whole", n)
					}
				}
			}
			got := Compare(Side{Log: la}, Side{Log: lb})
			var roots []string
			libID, _ := la.Action("link " + x.main).Value("packagefile example.test/lib")
			xID, _ := lb.Action("link " + y.main).Value("packagefile example.test/x")
			for _, r := range got.Roots {
				roots = append(roots, strings.NewReplacer(libID, "LIB", "=> "+xID+" ", "=> X ").Replace(r.text()))
			}
			if d := cmp.Diff(tt.roots, roots); d != "" {
				t.Errorf("roots (-want +got):\n%s", d)
			}
			if got.Cascade != tt.cascade || strings.Join(got.OnlyB, " ") != tt.only || len(got.OnlyA) > 0 {
				t.Errorf("cascade is %d, only in B are %q, in A %q", got.Cascade, got.OnlyB, got.OnlyA)
			}
			back := Compare(Side{Log: lb}, Side{Log: la})
			if len(back.Roots) != len(got.Roots) || back.Cascade != got.Cascade {
				t.Errorf("the other way round there are %d roots and a cascade of %d", len(back.Roots), back.Cascade)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	text := base().log()
	l := readLog(t, text)
	a := l.Action("build example.test/lib")
	if len(a.IDs) != 1 || !strings.Contains(text, "HASH[build example.test/lib]: "+a.IDs[0]+"\n") {
		t.Fatalf("IDs are %q", a.IDs)
	}
	sub := strings.Repeat("0f", 32)
	text += fmt.Sprintf("HASH subkey %s \"stdout\" = %s\n", a.IDs[0], sub)
	if a = readLog(t, text).Action("build example.test/lib"); len(a.Subkeys) != 1 || a.Subkeys[0] != sub {
		t.Errorf("subkeys are %q", a.Subkeys)
	}
}

// TestTornLog: what is missing or mixed up is not called whole.
func TestTornLog(t *testing.T) {
	good := base().log()
	lines := strings.SplitAfter(good, "\n")
	at := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "file lib.go") })
	for name, s := range map[string]string{
		"a line is missing":   strings.Join(slices.Delete(slices.Clone(lines), at, at+1), ""),
		"a line is cut":       strings.Join(slices.Concat(lines[:at], []string{lines[at][:40] + "\n"}, lines[at+1:]), ""),
		"a line is mixed up":  strings.Join(slices.Concat(lines[:at], []string{strings.Replace(lines[at], "lib.go", "lib\nwarning: .go", 1)}, lines[at+1:]), ""),
		"the log ends before": strings.Join(lines[:at+1], ""),
		"another ran between": strings.Join(slices.Concat(lines[:at], []string{"HASH[build example.test/lib]\n"}, lines[at:]), ""),
	} {
		if readLog(t, s).Action("build example.test/lib").Whole {
			t.Errorf("%s: the action is whole", name)
		}
	}
}

func TestInputsOf(t *testing.T) {
	for w, want := range map[string][]Input{
		"CC=[\"musl-gcc\" \"-static x\"] [\"-I/a b\"] [\"-O2\" \"-D]=\\\"\"] []\n": {{"CC", `["musl-gcc" "-static x"]`}, {"CPPFLAGS", `["-I/a b"]`}, {"CFLAGS", `["-O2" "-D]=\""]`}, {"LDFLAGS", "[]"}},
		"CC ID ERROR=\"no gcc\"\n":                                 {{"CC ID ERROR", `"no gcc"`}},
		"asm \"asm version go1.26.8\" [\"-dynlink\"] [\"-D=x\"]\n": {{"asm", "asm version go1.26.8"}, {"asmflags all", `["-dynlink"]`}, {"asmflags", `["-D=x"]`}},
		"link link version go1.26.8 [\"-r\"] pie\n":                {{"link", "link version go1.26.8"}, {"linkmode", "pie"}, {"linkflags all", `["-r"]`}},
		"compile compile version devel go1.28-abc Mon [] []\n":     {{"compile", "compile version devel go1.28-abc Mon"}, {"gcflags all", "[]"}, {"gcflags", "[]"}},
		"import unsafe \n":                                         {{"import unsafe", ""}},
		"file two words.go abc\n":                                  {{"file two words.go", "abc"}},
		"packagefile a/b=cid\n":                                    {{"packagefile a/b", "cid"}},
		"omitdebug true standard false\n":                          {{"omitdebug", "true"}, {"standard", "false"}},
		"GOEXPERIMENT=\"nojsonv2\"\n":                              {{"GOEXPERIMENT", `"nojsonv2"`}},
		"magic GOSSAFUNC=f\n":                                      {{"magic GOSSAFUNC", "f"}},
		"something new\n":                                          {{"something", "new"}},
		"modinfo \"dep\\texample.test/d\\tv1.2.3\\th1:x=\\nbuild\\tCGO_CFLAGS=\\n\"\n": {{"modinfo dep example.test/d", "v1.2.3 h1:x="}, {"modinfo build CGO_CFLAGS", ""}},
	} {
		if d := cmp.Diff(want, inputsOf(w, false)); d != "" {
			t.Errorf("%q (-want +got):\n%s", w, d)
		}
	}
}
