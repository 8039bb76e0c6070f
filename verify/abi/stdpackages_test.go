package abi

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestIsStd(t *testing.T) {
	for _, tt := range []struct {
		pkg, version string
		want         bool
	}{
		{"fmt", "go1.26.8", true},
		{"internal/runtime/maps", "go1.26.8", true},
		{"vendor/golang.org/x/net/idna", "go1.20.14", true},
		{"crypto/internal/fips140/v1.0.0-c2097c7c/sha256", "go1.25.3", true},
		{"fmt", "", true},
		{"corp/lib", "go1.26.8", false},
		{"net/mine", "go1.26.8", false},
		{"internal/mine", "", false},
		{"internal/newer", "go1.28.0", true},
		{"corp/lib", "go1.28.0", false},
		{"example.test/api", "go1.28.0", false},
		{"main", "go1.26.8", false},
	} {
		if got := isStd(tt.pkg, tt.version); got != tt.want {
			t.Errorf("isStd(%q, %q) = %v", tt.pkg, tt.version, got)
		}
	}
}

// TestStdList holds the list against the standard library of the Go that runs the tests.
func TestStdList(t *testing.T) {
	if minorOf(runtime.Version()) > lastListed {
		t.Skipf("the list ends with Go 1.%d; this is %s", lastListed, runtime.Version())
	}
	src := filepath.Join(runtime.GOROOT(), "src")
	for _, dir := range []string{"internal", "crypto", "runtime", "net", "encoding", "vendor/golang.org/x"} {
		err := filepath.WalkDir(filepath.Join(src, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), "_")) {
				return filepath.SkipDir
			}
			if pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), src+"/")); strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !isStd(pkg, "") {
				t.Errorf("%s is not listed", pkg)
				return filepath.SkipDir
			}
			return nil
		})
		if err != nil {
			t.Skipf("reading the standard library: %v", err)
		}
	}
}
