package abi

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestCauses builds pairs that differ for a known reason: the cause is right, or unknown where the files do not tell. Settings alone prove nothing.
func TestCauses(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil)
	for _, dir := range []string{"unrelated", "tagged"} {
		y.tree(dir)
	}
	y.write("src/unrelated/shared/shared.go", []byte("package shared\n\nimport \"strings\"\n\n// Matrix has rows.\ntype Matrix [3]float64\n\n// Parse reads one.\nfunc Parse(s string) (m Matrix) {\n\tm[0] = float64(len(strings.Fields(s)))\n\treturn m\n}\n"))
	y.write("src/unrelated/p1/main.go", []byte("package main\n\nimport \"example.test/abi/shared\"\n\n// Run runs.\nfunc Run(s string) float64 { return shared.Parse(s)[0] }\n"))
	y.write("src/tagged/shared/more.go", []byte("//go:build more\n\npackage shared\n\nimport \"os\"\n\nfunc init() { more() }\n\n//go:noinline\nfunc more() { os.Getpid() }\n"))
	for _, tt := range []struct{ name, tree, want, evidence string }{
		{"unrelated", "unrelated", "unknown", ""},
		{"unrelated, and a tag", "unrelated", "unknown", "-tags: host not set, plugin more"},
		{"a tag that a file asks for", "tagged", "build-tags", "-tags: host not set, plugin more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var flags []string
			if tt.evidence != "" {
				flags = []string{"-tags=more"}
			}
			y.build("p.so", tt.tree, "p1", nil, flags...)
			p := y.predict("host", []string{"p.so"}).Plugins[0]
			if p.Verdict != Mismatch || p.Cause == nil || p.Cause.ID != tt.want || !strings.Contains(p.Cause.Evidence, tt.evidence) {
				t.Errorf("%s, cause %+v; want mismatch, %s: %q", p.Verdict, p.Cause, tt.want, tt.evidence)
			}
		})
	}
	y.tree("fuller", "host/main.go", "kept.Look()", "kept.Look()\n\t(&shared.Config{}).Upper()\n\tshared.Body()")
	y.build("covered", "fuller", "host", nil, "-cover", "-coverpkg=example.test/abi/shared")
	y.build("uncovered", "fuller", "host", nil, "-cover", "-coverpkg=example.test/abi/kept")
	y.tree("edited", "shared/shared.go", "Tags map[string]int", "Tags map[string]int\n\tMore int")
	y.build("edited.so", "edited", "p1", nil)
	y.build("p1.so", "base", "p1", nil)
	for _, tt := range []struct{ host, plugin, want string }{{"covered", "p1.so", "cover"}, {"uncovered", "edited.so", "source-edit"}} {
		p := y.predict(tt.host, []string{tt.plugin}).Plugins[0]
		if p.Verdict != Mismatch || p.Cause == nil || p.Cause.ID != tt.want {
			t.Errorf("%s %s: %s, cause %+v; want mismatch, %s", tt.host, tt.plugin, p.Verdict, p.Cause, tt.want)
		}
	}
	y.build("settings.so", "base", "p1", []string{"GOAMD64=v2"}, "-tags=more", "-ldflags=-s -w -X main.x=1")
	if p := y.predict("host", []string{"settings.so"}).Plugins[0]; p.Verdict != OK || p.Cause != nil {
		t.Errorf("only settings differ: %s, cause %+v", p.Verdict, p.Cause)
	}
}

// TestCauseRequiredVersion holds that of one directory, the main module of the host and by replace a dependency of the plugin, the version is named.
func TestCauseRequiredVersion(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil)
	main := y.read("src/base/p1/main.go")
	for _, version := range []string{"v0.0.0", "v1.2.3"} {
		y.write("src/"+version+"/go.mod", []byte("module example.test/own\n\ngo 1.20\n\nrequire example.test/abi "+version+"\n\nreplace example.test/abi => ../base\n"))
		y.write("src/"+version+"/p/main.go", main)
		y.build(version+".so", version, "p", nil, "-ldflags=-s")
		p := y.predict("host", []string{version + ".so"}).Plugins[0]
		if p.Verdict != Mismatch || p.Cause == nil || p.Cause.ID != "module-version" || !strings.Contains(p.Cause.Evidence, "host none, plugin "+version) {
			t.Errorf("%s: %s, cause %+v; want mismatch, module-version", version, p.Verdict, p.Cause)
		}
	}
}

// TestCauseCgo: the C compiler's flags are named where they are recorded, and nothing is where they are not.
func TestCauseCgo(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.write("src/cgo/go.mod", []byte("module example.test/cgo\n\ngo 1.20\n"))
	y.write("src/cgo/c/c.go", []byte("package c\n\n// enum { val = VAL };\n// static int f(void) { return VAL; }\nimport \"C\"\n\nconst V = C.val\n\nfunc F() int { return int(C.f()) }\n"))
	y.write("src/cgo/p/main.go", []byte("package main\n\nimport \"example.test/cgo/c\"\n\nfunc P() int { return c.F() + c.V }\n"))
	y.write("src/cgo/host/main.go", []byte("package main\n\nimport (\n\t\"os\"\n\t\"plugin\"\n\n\t\"example.test/cgo/c\"\n)\n\nfunc main() {\n\tplugin.Open(os.Args[c.F()])\n}\n"))
	for _, tt := range []struct{ flag, want string }{{"-trimpath", "unknown"}, {"-trimpath=false", "cgo-flags"}} {
		y.build("host", "cgo", "host", []string{"CGO_CFLAGS=-DVAL=3"}, tt.flag)
		y.build("p.so", "cgo", "p", []string{"CGO_CFLAGS=-DVAL=4"}, tt.flag)
		p := y.predict("host", []string{"p.so"}).Plugins[0]
		if p.Verdict != Mismatch || p.Cause == nil || p.Cause.ID != tt.want {
			t.Errorf("%s: %s, cause %+v; want mismatch, %s", tt.flag, p.Verdict, p.Cause, tt.want)
		}
	}
}

// TestReach: a setting with a pattern is a cause only of packages that the pattern matches.
func TestReach(t *testing.T) {
	o := &object{lock: &Lock{}, version: "go1.26.8", info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "example.test/gw"}, Deps: []*debug.Module{
		{Path: "example.test/api", Version: "v0.0.0", Replace: &debug.Module{Path: "../api"}},
		{Path: "example.test/work", Version: "(devel)"},
		{Path: "example.test/lib", Version: "v1.2.3"},
	}}}
	const api, gw, work, lib = "example.test/api/x", "example.test/gw/hot", "example.test/work", "example.test/lib/a"
	for _, tt := range []struct {
		key, value, pkg string
		want            bool
	}{
		{"-gcflags", "-N -l", gw, false}, // the command line's only
		{"-gcflags", "all= -N -l", api, true},
		{"-gcflags", "all=-N", "net/http", true},
		{"-gcflags", "std=-N", "net/http", true},
		{"-gcflags", "std=-N", api, false},
		{"-gcflags", "cmd=-N", "net/http", false},
		{"-gcflags", "example.test/gw/...=-N", gw, true},
		{"-gcflags", "example.test/gw/...=-N", "example.test/gw", true},
		{"-gcflags", "example.test/gw/...=-N", "example.test/gwx", false},
		{"-gcflags", "example.test/gw/hot=-B", gw, true},
		{"-gcflags", "example.test/gw/hot=-B", api, false},
		{"-gcflags", "example.test/.../x=-N", api, true},
		{"-gcflags", "./...=-N", gw, true},
		{"-gcflags", "./...=-N", lib, false},
		{"-gcflags", "net/...=-N", "net/http", true},
		{"-gcflags", "broken", gw, false},
		{"-cover", "true", gw, true},
		{"-cover", "true", work, true},
		{"-cover", "true", api, false},
		{"-cover", "true", lib, false},
		{"-cover", "true", "net/http", false},
	} {
		o.info.Settings = []debug.BuildSetting{{Key: tt.key, Value: tt.value}}
		if got := o.gcflags(tt.pkg) != "" || o.covered(tt.pkg); got != tt.want {
			t.Errorf("%s=%s reaches %s: %v", tt.key, tt.value, tt.pkg, got)
		}
	}
}
