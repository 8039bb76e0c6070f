package elfdiff

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// readsC are packages of the standard library whose Go code is made from C headers, so that it follows the C library, too.
var readsC = []string{"net", "os/user", "plugin", "runtime/cgo", "crypto/x509", "runtime/race", "runtime/msan", "runtime/asan", "internal/runtime/cgobench"}

// innocent are settings that do not reach the standard library's packages.
var innocent = map[string]bool{"-ldflags": true, "vcs": true, "vcs.revision": true, "vcs.time": true, "vcs.modified": true, "CGO_CFLAGS": true,
	"CGO_CPPFLAGS": true, "CGO_CXXFLAGS": true, "CGO_LDFLAGS": true, "CGO_FFLAGS": true, "DefaultGODEBUG": true}

// toolchainCauses names another build of the same release: its standard library has other fingerprints, or functions of another
// length, though all that the go command records is equal. What a linker may rewrite does not count.
func (c *comparison) toolchainCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil || a.goVersion() != b.goVersion() || a.goVersion() == "" || a.settings["-pgo"] != "" || b.settings["-pgo"] != "" {
		return nil
	}
	if slices.ContainsFunc(settingDiffs(a, b), func(d settingDiff) bool { return !innocent[d.key] }) {
		return nil
	}
	moved := a.goroot() != b.goroot()
	own := func(pkg string) bool {
		return a.standard(pkg) && !slices.Contains(readsC, pkg) && !strings.HasPrefix(pkg, "vendor/")
	}
	var pkgs, funcs []string
	for _, p := range sortedKeys(a.pkgs, nil) {
		if h, ok := b.pkgs[p]; ok && h != a.pkgs[p] && own(p) && !moved {
			pkgs = append(pkgs, p)
		}
	}
	if a.settings["-cover"] == "" {
		funcs = c.resizedFuncs(func(name string) bool {
			return !strings.ContainsAny(name, "[]:") && strings.Contains(name, ".") && own(packageOf(name))
		})
	}
	var say []string
	for _, l := range []struct {
		what string
		list []string
	}{{"fingerprints of ", pkgs}, {"lengths of ", funcs}} {
		if n := len(l.list); n > 3 {
			l.list = append(slices.Clone(l.list[:3]), fmt.Sprintf("%d more", n-3))
		}
		if len(l.list) > 0 {
			say = append(say, l.what+strings.Join(l.list, ", "))
		}
	}
	if len(say) == 0 {
		return nil
	}
	return []namedCause{{Cause{ID: "toolchain-build", Evidence: "both are of " + a.goVersion() + " with equal settings, but its standard library differs: " + strings.Join(say, "; ")}, scope{all: true}}}
}

// resizedFuncs are the functions of both files that have another length, sorted, among those that count. Names that occur twice do not.
func (c *comparison) resizedFuncs(counts func(name string) bool) (names []string) {
	const twice = ^uint64(0)
	sizes := func(im *image) map[string]uint64 {
		m := map[string]uint64{}
		for _, y := range im.table() {
			if y.typ() != elf.STT_FUNC || y.size == 0 || !y.defined() || !counts(y.name) {
				continue
			}
			if n, ok := m[y.name]; ok && n != y.size {
				m[y.name] = twice
			} else {
				m[y.name] = y.size
			}
		}
		return m
	}
	x, y := sizes(c.a), sizes(c.b)
	for name, n := range x {
		if k, ok := y[name]; ok && k != n && k != twice && n != twice {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
