package elfdiff

import (
	"fmt"
	"slices"
	"strings"
)

// readsC are packages of the standard library whose Go code is made from C headers, so that it follows the C library, too.
var readsC = []string{"net", "os/user", "plugin", "runtime/cgo", "crypto/x509", "runtime/race", "runtime/msan", "runtime/asan", "internal/runtime/cgobench"}

// innocent are settings that do not reach the standard library's packages.
var innocent = map[string]bool{"-ldflags": true, "vcs": true, "vcs.revision": true, "vcs.time": true, "vcs.modified": true, "CGO_CFLAGS": true,
	"CGO_CPPFLAGS": true, "CGO_CXXFLAGS": true, "CGO_LDFLAGS": true, "CGO_FFLAGS": true, "DefaultGODEBUG": true}

// toolchainCauses names another build of the same release: its standard library has other fingerprints, or functions with other lines,
// frames or lengths, though all that the go command records is equal. What only a linker may rewrite does not count.
func (c *comparison) toolchainCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil || a.goVersion() != b.goVersion() || a.goVersion() == "" || a.settings["-pgo"] != "" || b.settings["-pgo"] != "" {
		return nil
	}
	if slices.ContainsFunc(settingDiffs(a, b), func(d settingDiff) bool { return !innocent[d.key] }) {
		return nil
	}
	moved := slices.ContainsFunc(c.filePairs, func(p filePair) bool { return inGOROOT(p.a) || inGOROOT(p.b) })
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
		for _, e := range c.out.evidence {
			if (e.Structure == structLines || e.Structure == structFrames) && !strings.ContainsAny(e.Symbol, "[]") && own(packageOf(e.Symbol)) && strings.Contains(e.Symbol, ".") {
				funcs = append(funcs, e.Symbol)
			}
		}
	}
	slices.Sort(funcs)
	funcs = slices.Compact(funcs)
	var say []string
	for _, l := range []struct {
		what string
		list []string
	}{{"fingerprints of ", pkgs}, {"functions ", funcs}} {
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
