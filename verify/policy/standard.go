package policy

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Standard are the packages of the standard library, and of the commands, that a GOROOT's src folder has: what lies in a folder with
// Go or assembly files. Packages that the library itself vendors begin with "vendor/".
func Standard(src fs.FS) (map[string]bool, error) {
	out := map[string]bool{}
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(base, ".go") && !strings.HasSuffix(base, "_test.go") && path.Dir(name) != ".":
			out[path.Dir(name)] = true
		}
		return nil
	})
	return out, err
}

// standard reports whether a package is of the standard library of the Go that linked a file. Where that Go is not at hand, a package
// that no build lists is not known, and said to be.
func (c *checker) standard(f *File, pkg string) bool {
	version, _, _ := strings.Cut(f.Go, " X:")
	if std := c.ev.Std[version]; std != nil {
		return std[pkg] || std[unfrozen(pkg)]
	}
	if version == "" { // of a file without build information, of which the same is said to be not known
		for _, std := range c.ev.Std {
			if std[pkg] || std[unfrozen(pkg)] {
				return true
			}
		}
	}
	if first, _, _ := strings.Cut(pkg, "/"); strings.Contains(first, ".") {
		return false // the library has no such path
	}
	if !slices.Contains(c.unseen, f.Name) {
		c.unseen = append(c.unseen, f.Name)
		c.find(Finding{Kind: NotLooked, File: f.Name, Package: pkg, Incomplete: true}, "it was linked by %s, whose standard library is not at hand: whether package %s is of it is not known", goOf(version), pkg)
	}
	return true
}

// goOf names a version for people.
func goOf(version string) string {
	if version == "" {
		return "an unknown Go"
	}
	return version
}

// unfrozen is the path of a package of a frozen cryptographic module (GOFIPS140) in the library: "crypto/internal/fips140/v1.0.0/sha256"
// is "crypto/internal/fips140/sha256" (cmd/go/internal/fips140).
func unfrozen(pkg string) string {
	const module = "crypto/internal/fips140/"
	if rest, ok := strings.CutPrefix(pkg, module+"v"); ok {
		if _, below, ok := strings.Cut(rest, "/"); ok {
			return module + below
		}
	}
	return pkg
}
