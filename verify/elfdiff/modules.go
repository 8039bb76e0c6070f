package elfdiff

import (
	"fmt"
	"slices"
	"strings"
)

// moduleCauses names modules that both link in another version or with another content, and builds from vendor, whose build
// information has no sums (cmd/go/internal/modload/build.go).
func (c *comparison) moduleCauses(a, b *facts) []namedCause {
	if a.info == nil || b.info == nil {
		return nil
	}
	x, y := a.modules(), b.modules()
	var vendored, oneSide []string
	mods := map[string][]string{}
	for _, p := range sortedKeys(x, y) {
		v, inA := x[p]
		w, inB := y[p]
		switch {
		case v == w && inA == inB, p == a.info.Main.Path, p == b.info.Main.Path: // file arguments list the main module among the others
		case !inA || !inB:
			oneSide = append(oneSide, p)
		case DependencyCause(v, w) == "vendor-mode":
			vendored = append(vendored, fmt.Sprintf("%s is %q and %q", p, v, w))
		default:
			mods["module-version"] = append(mods["module-version"], fmt.Sprintf("%s is %s and %s", p, v, w))
		}
	}
	var out []namedCause
	if m := mods["module-version"]; len(m) > 0 {
		// Another version of a module changes what is inlined from it into others, and which of their functions are kept.
		out = append(out, namedCause{Cause{ID: "module-version", Evidence: strings.Join(m, ", ")}, scope{all: true}})
	}
	if len(vendored) > 0 {
		n := len(vendored)
		if vendored = vendored[:min(n, 3)]; n > 3 {
			vendored = append(vendored, fmt.Sprintf("%d more", n-3))
		}
		out = append(out, namedCause{Cause{ID: "vendor-mode", Evidence: "a build from vendor records no sums: " + strings.Join(vendored, ", ")},
			scope{places: func(e Evidence) bool { return inBuildInfo(e, "dep ", "=> ") || vendorName(e.A) || vendorName(e.B) }}})
	}
	if len(oneSide) > 0 {
		c.rep.Known = append(c.rep.Known, "modules that only one file links: "+strings.Join(oneSide, ", "))
	}
	return out
}

func vendorName(path string) bool { return strings.Contains(path, "/vendor/") }

// DependencyCause names the difference between two entries of one module, "version sum": a sum on one side alone is a build from vendor.
func DependencyCause(x, y string) string {
	v, sumA, _ := strings.Cut(x, " ")
	w, sumB, _ := strings.Cut(y, " ")
	if v == w && v != "" && (sumA == "") != (sumB == "") {
		return "vendor-mode"
	}
	return "module-version"
}

// standardRoots are the first elements of the standard library's import paths (go list std, Go 1.20 to 1.27).
var standardRoots = strings.Fields(`archive arena bufio builtin bytes cmp compress container context crypto database debug embed encoding errors
	expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime simd slices sort strconv
	strings structs sync syscall testing text time type unicode unique unsafe uuid weak`)

// StandardRoots are the first elements of the standard library's import paths.
func StandardRoots() []string { return slices.Clone(standardRoots) }

// standard reports whether a package of this file is the standard library's.
func (f *facts) standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return slices.Contains(standardRoots, first) && (f.info == nil || !inModule(pkg, f.info.Main.Path)) || strings.HasPrefix(pkg, "vendor/golang.org/")
}

func inModule(pkg, module string) bool {
	return module != "" && (pkg == module || strings.HasPrefix(pkg, module+"/"))
}
