package policy

import (
	"errors"
	"fmt"
	"go/token"
	"io"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
)

// A File is a built file as it says itself what it is made of.
type File struct {
	Name     string // in findings
	SHA256   results.Digest
	Go       string           // version of the toolchain; "" is unknown
	Info     *debug.BuildInfo // nil if it has none
	Packages []string         // import paths, sorted, the standard library's too
	Seen     Seen
	Shipped  bool // plugproof.toml names the file: it may be of any module
}

// Seen says of how many packages each of a file's tables tells.
type Seen struct {
	Fingerprints int `json:"fingerprints"` // what plugin.Open compares
	Functions    int `json:"functions"`    // the line table
	Symbols      int `json:"symbols"`      // .dynsym
}

// maxPackages bounds the packages of one file.
const maxPackages = 1 << 16

var errTooMany = fmt.Errorf("more than %d packages", maxPackages)

// Read looks at a host, a plugin or any other file that the Go linker made. A file that is no ELF file, or in which no table names
// any package, is an error.
func Read(name string, r io.ReaderAt, size int64, digest results.Digest) (File, error) {
	out := File{Name: name, SHA256: digest}
	f, err := goelf.Open(r, size)
	if err != nil {
		return out, fmt.Errorf("reading %q: %w", name, err)
	}
	out.Go = f.GoVersion()
	if out.Info, err = f.BuildInfo(); err != nil {
		out.Info = nil
	}
	all, exact := map[string]bool{}, map[string]bool{}
	for i, t := range []struct {
		count *int
		read  func(*goelf.File, func(string) bool) error
	}{{&out.Seen.Fingerprints, fingerprints}, {&out.Seen.Functions, functions}, {&out.Seen.Symbols, symbols}} {
		own := map[string]bool{}
		err := t.read(f, func(pkg string) bool {
			own[pkg], all[pkg] = true, true
			return len(own) <= maxPackages
		})
		if len(own) > maxPackages {
			return out, fmt.Errorf("reading %q: %w", name, errTooMany)
		}
		if err != nil && !errors.Is(err, goelf.ErrNoPlugin) && !errors.Is(err, goelf.ErrNoPclntab) {
			return out, fmt.Errorf("reading %q: %w", name, err)
		}
		if *t.count = len(own); i == 0 {
			exact = own
		}
	}
	if out.Seen.Functions == 0 {
		return out, fmt.Errorf("reading %q: %w: nothing says which packages were linked", name, goelf.ErrNoPclntab)
	}
	for pkg := range all {
		if !exact[pkg] && composed(pkg, all) {
			continue
		}
		out.Packages = append(out.Packages, pkg)
	}
	slices.Sort(out.Packages)
	return out, nil
}

// fingerprints are the packages of which the file says its own version.
func fingerprints(f *goelf.File, add func(string) bool) error {
	m, err := f.Plugin()
	if err == nil {
		for _, p := range m.Packages {
			if pkg, ok := importPath(p.Name); ok && !add(pkg) {
				break
			}
		}
		return nil
	}
	if !errors.Is(err, goelf.ErrNoPlugin) {
		return err
	}
	list, err := f.PackageHashes()
	for _, p := range list {
		if pkg, ok := importPath(p.Name); ok && !add(pkg) {
			break
		}
	}
	return err
}

func functions(f *goelf.File, add func(string) bool) error {
	return f.FuncNames(func(name string) bool {
		pkg, ok := PackageOf(name)
		return !ok || add(pkg)
	})
}

func symbols(f *goelf.File, add func(string) bool) error {
	for s, err := range f.DynSymbols() {
		if err != nil {
			return err
		}
		if !s.Defined() {
			continue
		}
		if pkg, ok := PackageOf(s.Name); ok && !add(pkg) {
			break
		}
	}
	return nil
}

// PackageOf is the import path of the package to which a symbol's name belongs. The linker escapes the path: dots of its last
// element, quotes, percent signs and what is not ASCII become %xx (cmd/internal/objabi, PathToPrefix). Names without a package, such as
// C functions, and descriptors of types that no package owns have none.
func PackageOf(symbol string) (string, bool) {
	name := symbol
	if i := strings.IndexAny(name, "[("); i >= 0 { // type arguments hold paths of their own, and receivers may
		name = name[:i]
	}
	if strings.HasPrefix(name, "type:") || strings.HasPrefix(name, "go:") || strings.HasPrefix(name, "type..") || strings.HasPrefix(name, "go.") && !strings.Contains(name, "/") {
		return "", false
	}
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot <= 0 || slash == 0 && clone.MatchString(name[dot+1:]) {
		return "", false
	}
	return importPath(name[:slash+dot])
}

// composed reports whether what looks like a path is the name of a method that a type has from a type of another package and that is
// not exported: "a/b.T.c/d" of "a/b.T.c/d.method", with both a/b and c/d among the packages.
func composed(path string, all map[string]bool) bool {
	for i := range len(path) {
		if path[i] != '.' || !all[path[:i]] {
			continue
		}
		rest := path[i+1:]
		for {
			name, other, ok := strings.Cut(rest, ".")
			if !ok || !token.IsIdentifier(name) {
				break
			}
			if all[other] {
				return true
			}
			rest = other
		}
	}
	return false
}

// clone is how the C compiler's copies of a function end: "x_cgo_munmap.cold", "f.isra.0". They are in the line table of files that
// were linked without the system's linker.
var clone = regexp.MustCompile(`^(cold|localalias|(isra|part|constprop|lto_priv|llvm)\.\d+|\d+)(\.|$)`)

// importPath undoes the linker's escapes and accepts what can be an import path.
func importPath(prefix string) (string, bool) {
	path, err := url.PathUnescape(prefix)
	if err != nil || module.CheckImportPath(path) != nil && !isPluginPath(path) {
		return "", false
	}
	return path, path != "main" && path != "command-line-arguments"
}

// isPluginPath reports whether a path stands for the main package of a plugin that was built from a list of files.
func isPluginPath(path string) bool { return strings.HasPrefix(path, "plugin/unnamed-") }
