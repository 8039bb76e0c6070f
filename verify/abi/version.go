package abi

import (
	"runtime/debug"
	"strings"
)

// std is the module name that the report uses for the standard library.
const std = "std"

// baseVersion is the Go version without experiments: "go1.26.8" of "go1.26.8-X:nogreenteagc" and of "go1.26.8 X:nogreenteagc".
func baseVersion(o *object) string {
	v, _, _ := cutExperiments(o.version)
	return v
}

func cutExperiments(version string) (base, experiments string, found bool) {
	if base, experiments, found = strings.Cut(version, "-X:"); !found {
		base, experiments, found = strings.Cut(version, " X:")
	}
	return base, experiments, found
}

// versionOf finds the module of a package and its version in a file, by the longest module path in its build information.
func versionOf(o *object, pkg string) (module string, version *string) {
	if o.info == nil {
		return "", nil
	}
	if m := moduleFor(o.info, pkg); m != nil {
		v := m.Version
		if m.Replace != nil {
			v = strings.TrimSpace(m.Replace.Path + " " + m.Replace.Version)
		}
		return m.Path, pointer(v)
	}
	if isStd(pkg, o.version) {
		return std, pointer(baseVersion(o))
	}
	return "", nil
}

func moduleFor(info *debug.BuildInfo, pkg string) *debug.Module {
	var best *debug.Module
	try := func(m *debug.Module) {
		if m.Path != "" && (pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/")) && (best == nil || len(m.Path) > len(best.Path)) {
			best = m
		}
	}
	try(&info.Main)
	for _, d := range info.Deps {
		try(d)
	}
	return best
}
