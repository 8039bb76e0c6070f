package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/verify/policy"
)

// TestTextsOfSeveralRoots: a relative replacement means another directory in each checkout, and none of them is guessed.
func TestTextsOfSeveralRoots(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a/dep", "b/dep", "shared", "a/only"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "LICENSE"), []byte("free for all\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := policy.Sources{Roots: []policy.SourceRoot{{Dir: filepath.Join(dir, "a")}, {Dir: filepath.Join(dir, "b")}}}
	for path, want := range map[string]bool{"./dep": false, "../shared": true, "./only": true, "./none": false} {
		_, err := s.Texts(module.Version{Path: "dep.test/d", Version: "v1.0.0"}, &module.Version{Path: path}, []string{"."})
		var missing *policy.MissingError
		if want != (err == nil) || err != nil && !errors.As(err, &missing) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
