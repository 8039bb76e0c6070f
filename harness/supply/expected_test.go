package supply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/results"
)

func digest(s string) results.Digest { return results.DigestOf([]byte(s)) }

// rebuilt is a record of a rebuild; artifacts are NAME.a and NAME.b with what they hold.
func rebuilt(project string, artifacts ...string) results.Record {
	r := results.Record{Step: results.Rebuild, Cell: results.Cell{Project: project, Arch: "arm", HostGo: "go1.26.8", PluginGo: "go1.26.8", Flags: []string{"-trimpath"}},
		Inputs: results.Inputs{Sources: digest("sources"), CC: digest("cc"), Libc: digest("libc"), HostGo: digest("go"), PluginGo: digest("go")}}
	for _, a := range artifacts {
		name, text, _ := strings.Cut(a, "=")
		r.Artifacts = append(r.Artifacts, results.Artifact{Name: name, SHA256: digest(text)})
	}
	return r
}

// unpacked is a cache with the expectations of kits, by their names.
func unpacked(t *testing.T, kits map[string][]supply.Expectation) string {
	t.Helper()
	cache := t.TempDir()
	for name, list := range kits {
		f, err := supply.ExpectedFile(name, list)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(cache, f.Path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cache
}

func TestExpectations(t *testing.T) {
	rec := rebuilt("fixture:matching", "host.a=h", "host.b=h", "plugin.0.a=p", "plugin.0.b=q")
	list, uneven := supply.Expect([]results.Record{rec, {Step: results.ABI, Artifacts: rec.Artifacts}})
	if len(list) != 1 || len(uneven) != 1 || uneven[0] != "plugin.0 of fixture:matching arm go1.26.8" {
		t.Fatal(list, uneven)
	}
	x, err := supply.ReadExpectations(unpacked(t, map[string][]supply.Expectation{"one": list, "two": list}))
	if err != nil || x.Len() != 1 || !x.Knows(digest("sources")) || x.Knows(digest("others")) {
		t.Fatal(x, err)
	}
	cell := rec.Cell
	cell.Project = "example.test/matching" // as it is called where the kit was unpacked
	if e, ok := x.Of(digest("sources"), cell, "host"); !ok || e.SHA256 != digest("h") || e.CC != digest("cc") {
		t.Error(e, ok)
	}
	for _, other := range []func() (supply.Expectation, bool){
		func() (supply.Expectation, bool) { return x.Of(digest("sources"), cell, "plugin.0") },
		func() (supply.Expectation, bool) { return x.Of(digest("others"), cell, "host") },
		func() (supply.Expectation, bool) {
			cell.Flags = nil
			return x.Of(digest("sources"), cell, "host")
		},
	} {
		if e, ok := other(); ok {
			t.Error("expected of something else: ", e)
		}
	}
	if x, err := supply.ReadExpectations(t.TempDir()); err != nil || x.Len() != 0 {
		t.Error(x, err)
	}
}

func TestExpectationsAreRefused(t *testing.T) {
	one, _ := supply.Expect([]results.Record{rebuilt("p", "host.a=h", "host.b=h")})
	two, _ := supply.Expect([]results.Record{rebuilt("p", "host.a=i", "host.b=i")})
	if _, err := supply.ReadExpectations(unpacked(t, map[string][]supply.Expectation{"one": one, "two": two})); err == nil || !strings.Contains(err.Error(), "two kits expect different bytes") {
		t.Error(err)
	}
	for _, text := range []string{"", "{}", "null", `{"schema":"plugproof/expected/v2"}`, `{"schema":"plugproof/expected/v1","more":1}`,
		`{"schema":"plugproof/expected/v1","artifacts":[{"artifact":"host","sha256":"sha256:00"}]}`} {
		cache := unpacked(t, map[string][]supply.Expectation{"one": one})
		if err := os.WriteFile(filepath.Join(cache, "expected", "one.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := supply.ReadExpectations(cache); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	cache := unpacked(t, map[string][]supply.Expectation{"one": one})
	if err := os.Symlink("one.json", filepath.Join(cache, "expected", "link.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := supply.ReadExpectations(cache); err == nil {
		t.Error("a link is taken")
	}
}
