package abi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/links"
)

// TestC holds what is said of C in hosts and plugins: functions that the loader takes from the host in place of the plugin's own, and orders that
// depend on which build of a library comes first.
func TestC(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	for _, tree := range []string{"cg", "cg2"} {
		factor := "3"
		if tree == "cg2" {
			factor = "5"
		}
		for name, text := range map[string]string{
			"go.mod":         "module example.test/cg\n\ngo 1.20\n",
			"scale/scale.c":  "int weight(int x) { return x * " + factor + "; }\nint same(int x) { return x + 1; }\n",
			"scale/scale.go": "package scale\n\n// int weight(int);\n// int same(int);\nimport \"C\"\n\n//go:noinline\nfunc Weight(x int) int { return int(C.weight(C.int(x)) + C.same(C.int(x))) }\n",
			"host/main.go":   "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"plugin\"\n\n\t\"example.test/cg/scale\"\n)\n\nfunc main() {\n\t_, err := plugin.Open(os.Args[1])\n\tfmt.Println(scale.Weight(1), err)\n}\n",
			"p/main.go":      "package main\n\nimport \"example.test/cg/scale\"\n\nfunc Run() int { return scale.Weight(1) }\n\nfunc main() {}\n",
			"va/main.go":     "package main\n\n// #cgo LDFLAGS: -L${SRCDIR} -lengine -Wl,-rpath,$ORIGIN/va\n// int version(void);\nimport \"C\"\n\nfunc Run() int { return int(C.version()) }\n\nfunc main() {}\n",
			"vb/main.go":     "package main\n\n// #cgo LDFLAGS: -L${SRCDIR} -lengine -Wl,-rpath,$ORIGIN/vb\n// int version(void);\n// int tune(int);\nimport \"C\"\n\nfunc Run() int { return int(C.version() + C.tune(3)) }\n\nfunc main() {}\n",
		} {
			y.write("src/"+tree+"/"+name, []byte(text))
		}
	}
	y.write("a.c", []byte("int version(void) { return 1; }\n"))
	y.write("b.c", []byte("int version(void) { return 2; }\nint tune(int x) { return 2 * x; }\n"))
	for _, v := range []string{"a", "b"} {
		y.run("musl-gcc", "-shared", "-fPIC", "-Wl,-soname,libengine.so.1", "-o", "src/cg/v"+v+"/libengine.so", v+".c")
		y.write("v"+v+"/libengine.so.1", y.read("src/cg/v"+v+"/libengine.so"))
	}
	y.build("host", "cg", "host", nil)
	y.build("p.so", "cg", "p", nil)
	y.build("p2.so", "cg2", "p", nil)
	allow := []string{"CGO_LDFLAGS_ALLOW=.*"}
	y.build("va.so", "cg", "va", allow)
	y.build("vb.so", "cg", "vb", allow)

	host := y.input("host")
	for name, want := range map[string][]string{"p.so": nil, "p2.so": {"weight"}} {
		r := y.predictFrom(host, []string{name})
		p := r.Plugins[0]
		if p.Verdict != OK || p.Code == nil {
			t.Fatalf("%s: %+v", name, p)
		}
		var got []string
		for _, f := range p.Code.Undecided {
			got = append(got, f.Name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: undecided functions: %s\n%+v", name, d, p.Code)
		}
	}

	opt := Options{Root: links.Dir("/"), RootName: "/"}
	o, err := CheckOrders(host, []Input{y.input("va.so"), y.input("vb.so")}, opt)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"vb.so", "va.so"}, o.Safe); d != "" {
		t.Errorf("the order: %s\n%+v", d, o)
	}
	if len(o.Pairs) != 1 || o.Pairs[0].First != "va.so" || o.Pairs[0].Verdict != DlopenError {
		t.Errorf("the pairs: %+v", o.Pairs)
	}
	if o, err = CheckOrders(host, []Input{y.input("p.so"), y.input("va.so"), y.input("p2.so"), y.input("vb.so")}, opt); err != nil {
		t.Fatal(err)
	}
	if o.Safe != nil || len(o.Proof) != 1 || !strings.HasPrefix(o.Proof[0], "p.so and p2.so exclude each other") {
		t.Errorf("two plugins of one path: %+v", o)
	}
}
