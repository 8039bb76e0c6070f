package cause

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/verify/actions"
)

func root(key, a, b string, names ...string) actions.Root {
	r := actions.Root{Key: key, Actions: names}
	if a != "-" {
		r.A = &a
	}
	if b != "-" {
		r.B = &b
	}
	if len(names) == 0 {
		r.Actions = []string{"build example.test/gw"}
	}
	return r
}

func TestFromActions(t *testing.T) {
	for _, tt := range []struct {
		name  string
		roots []actions.Root
		want  string
	}{
		{"nothing", nil, ""},
		{"spelling", []actions.Root{root("CC", `["gcc"]`, `["/usr/bin/gcc"]`, "build runtime/cgo")}, "cc-identity"},
		{"optimisation", []actions.Root{root("CFLAGS", `["-O2"]`, `["-O0"]`)}, "cgo-flags"},
		{"directory", []actions.Root{root("dir", "/a", "/b")}, "build-path"},
		{"vendor", []actions.Root{root("dir", "/go/pkg/mod/x.test/y@v1.0.0", "/a/vendor/x.test/y", "build x.test/y")}, "vendor-mode"},
		{"one-sided -trimpath", []actions.Root{root("trimpath", "-", "true"), root("dir", "/a", "-"), root("module", "-", "example.test/gw")}, "trimpath-one-side"},
		{"release", []actions.Root{root("go version", "go1.26.8", "go1.26.0"), root("compile", "compile version go1.26.8", "compile version go1.26.0"), root("file print.go", "a", "b", "build fmt")}, "go-version"},
		{"development", []actions.Root{root("go version", "go1.27-devel_1", "go1.27-devel_2")}, "toolchain-build"},
		{"patched library", []actions.Root{root("file print.go", "a", "b", "build fmt")}, "toolchain-build"},
		{"edit", []actions.Root{root("file main.go", "a", "b")}, "source-edit"},
		{"edit, of a module called like a word", []actions.Root{root("file main.go", "a", "b", "build shop/api")}, "source-edit"},
		{"tags", []actions.Root{root("modinfo build -tags", "-", "x"), root("file on.go", "-", "b"), root("file off.go", "a", "-")}, "build-tags"},
		{"tags and edit", []actions.Root{root("modinfo build -tags", "-", "x"), root("file main.go", "a", "b")}, "build-tags source-edit"},
		{"race", []actions.Root{root("gcflags all", `["-dynlink"]`, `["-dynlink" "-race"]`), root("modinfo build -race", "-", "true")}, "race"},
		{"time", []actions.Root{root("linkflags", `["-X" "main.built=1790000000"]`, `["-X" "main.built=1790000007"]`, "link example.test/gw")}, "embedded-time"},
		{"words", []actions.Root{root("linkflags", `["-X" "main.title=two words"]`, `["-X" "main.title=three more words"]`, "link example.test/gw")}, "ldflags"},
		{"time and host", []actions.Root{root("linkflags", `["main.host=alpha" "main.built=1790000000"]`, `["main.host=beta" "main.built=1790000007"]`, "link example.test/gw")}, "embedded-host embedded-time"},
		{"release with other flags", []actions.Root{root("go version", "go1.22.12", "go1.25.3"), root("CFLAGS", `["-Wall"]`, `[]`, "build runtime/cgo"), root("GOROOT", "/a", "/b")}, "go-version"},
		{"release and flags", []actions.Root{root("go version", "go1.22.12", "go1.25.3"), root("CFLAGS", `["-O2"]`, `["-O0"]`, "build runtime/cgo", "build example.test/gw")}, "go-version cgo-flags"},
		{"stripped", []actions.Root{root("linkflags", `[]`, `["-s" "-w"]`, "link example.test/gw")}, "stripped"},
		{"build ID", []actions.Root{root("linkflags", `[]`, `["-buildid="]`, "link example.test/gw")}, "build-id"},
		{"linker", []actions.Root{root("linkflags", `[]`, `["-extldflags=-Wl,-z,now"]`, "link example.test/gw")}, "ldflags"},
		{"file arguments", []actions.Root{root("importpath", "example.test/gw", "command-line-arguments")}, "plugin-path"},
		{"module", []actions.Root{root("modinfo dep x.test/y", "v1.0.0 h1:a", "v1.1.0 h1:b"), root("module", "x.test/y@v1.0.0", "x.test/y@v1.1.0", "build x.test/y")}, "module-version"},
		{"module and its files", []actions.Root{root("modinfo dep x.test/y", "v1.0.0 h1:a", "v1.1.0 h1:b"), root("file y.go", "a", "b", "build x.test/y/z")}, "module-version"},
		{"module and an edit", []actions.Root{root("modinfo dep x.test/y", "v1.0.0 h1:a", "v1.1.0 h1:b"), root("file main.go", "a", "b")}, "module-version source-edit"},
		{"module without a sum", []actions.Root{root("modinfo dep x.test/y", "v1.0.0 h1:a", "v1.0.0")}, "vendor-mode"},
		{"commit", []actions.Root{root("modinfo build vcs.revision", "a", "b"), root("modinfo mod example.test/gw", "v0.0.0-1", "v0.0.0-2")}, "vcs-stamp"},
		{"level", []actions.Root{root("GOAMD64", "v1", "v3"), root("modinfo build GOAMD64", "v1", "v3")}, "goamd64"},
		{"unstable", []actions.Root{root(actions.Output, "a", "b")}, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ids []string
			for _, c := range FromActions(&actions.Attribution{Roots: tt.roots}) {
				ids = append(ids, c.ID)
				if c.Evidence == "" {
					t.Errorf("%s has no evidence", c.ID)
				}
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("causes are %q, want %q", got, tt.want)
			}
		})
	}
}
