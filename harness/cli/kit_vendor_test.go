package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
	"github.com/plugproof/plugproof/verify/supply/modtree"
	"github.com/plugproof/plugproof/verify/supply/modtree/treetest"
)

// TestKitVendor: a kit whose key signed an edited vendor folder is refused all the same.
func TestKitVendor(t *testing.T) {
	const mod = "module example.test/greet\n\ngo 1.21\n"
	tree, _ := treetest.New(t, rand.Reader, map[string]map[string]string{"example.test/greet@v1.2.0": {"go.mod": mod, "greet.go": "package greet\n"}})
	zip := tree["example.test/greet/@v/v1.2.0.zip"]
	h, err := modtree.HashZip(strings.NewReader(zip), int64(len(zip)))
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]string{
		"projects/p/go.mod":                                  "module example.test/p\n\ngo 1.21\n\nrequire example.test/greet v1.2.0\n",
		"projects/p/go.sum":                                  "example.test/greet v1.2.0 " + h + "\n",
		"projects/p/vendor/modules.txt":                      "# example.test/greet v1.2.0\n## explicit; go 1.21\nexample.test/greet\n",
		"projects/p/vendor/example.test/greet/greet.go":      "package greet\n",
		supply.Modules + "/example.test/greet/@v/v1.2.0.zip": zip,
	}
	for _, tt := range []struct {
		name string
		do   func(files map[string]string)
		want []string
		said string
	}{
		{"as vendored", func(map[string]string) {}, nil, ""},
		{"edited", func(f map[string]string) { f["projects/p/vendor/example.test/greet/greet.go"] = "package greed\n" }, []string{"edited projects/p/vendor/example.test/greet/greet.go"}, ""},
		{"added", func(f map[string]string) { f["projects/p/vendor/example.test/greet/evil.go"] = "package greet\n" }, []string{"added projects/p/vendor/example.test/greet/evil.go"}, ""},
		{"missing", func(f map[string]string) { delete(f, "projects/p/vendor/example.test/greet/greet.go") }, []string{"missing projects/p/vendor/example.test/greet/greet.go"}, ""},
		{"no zip", func(f map[string]string) { delete(f, supply.Modules+"/example.test/greet/@v/v1.2.0.zip") }, nil, "its zip is not at hand"},
		{"no module", func(f map[string]string) { delete(f, "projects/p/go.mod") }, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := maps.Clone(good)
			tt.do(files)
			var parts []kit.Part
			for _, name := range slices.Sorted(maps.Keys(files)) {
				kind := supply.Source
				if strings.HasSuffix(name, ".zip") {
					kind = supply.Module
				}
				parts = append(parts, kit.Part{Kind: kind, Path: name, Size: int64(len(files[name])), SHA256: results.DigestOf([]byte(files[name]))})
			}
			var talk bytes.Buffer
			a := &app{env: Env{Stderr: &talk, Dir: t.TempDir(), Environ: []string{"PLUGPROOF_CACHE=" + t.TempDir()}}, dir: t.TempDir()}
			found, err := a.kitVendor(context.Background(), parts, func(p kit.Part) (io.ReaderAt, error) { return strings.NewReader(files[p.Path]), nil })
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, f.Kind+" "+f.Path)
			}
			if d := cmp.Diff(tt.want, got); d != "" || !strings.Contains(talk.String(), tt.said) {
				t.Errorf("%s\nsaid: %s", d, talk.String())
			}
		})
	}
}
