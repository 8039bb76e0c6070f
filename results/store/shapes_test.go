package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

func someShape(text string) results.Shape {
	return results.Shape{Schema: results.ShapeSchema, SHA256: results.DigestOf([]byte(text)), Size: int64(len(text)), Go: "go1.26.8",
		Sections: []results.SectionSize{{Name: ".text", Size: 7}}, Packages: []results.PackageHash{{Name: "runtime", Hash: "0011223344556677"}},
		Module: results.ModuleData{Size: 584, PkgHashes: 440, Fields: []results.StructField{{Name: "next", Type: "*runtime.moduledata", Offset: 576}}}}
}

func TestShapes(t *testing.T) {
	dir := t.TempDir()
	if got, err := store.Shapes(dir); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	a, b := someShape("a"), someShape("b")
	for _, s := range []results.Shape{a, b, a} {
		if err := store.WriteShape(dir, s); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "shapes", ".x.json.123"), []byte("torn"), 0o644) // as a killed run leaves it
	got, err := store.Shapes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[results.Digest]results.Shape{a.SHA256: a, b.SHA256: b}, got); diff != "" {
		t.Error(diff)
	}
	if err := store.WriteShape(dir, results.Shape{SHA256: "sha256:../../x"}); err == nil {
		t.Error("a shape of no digest was written")
	}
	for text, want := range map[string]string{
		"{":                               "not JSON",
		`{"schema":"plugproof/shape/v9"}`: "is not known",
		`{"schema":"plugproof/shape/v1","sha256":"` + string(b.SHA256) + `"}`: "it describes",
		`{"schema":"plugproof/shape/v1","more":1}`:                            "unknown field",
	} {
		if err := os.WriteFile(filepath.Join(dir, "shapes", a.SHA256.Hex()+".json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Shapes(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
