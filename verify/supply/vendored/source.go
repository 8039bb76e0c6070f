package vendored

import (
	"archive/zip"
	"go/build/constraint"
	"path"
	"strings"
)

// source reports whether "go mod vendor" copies a file of a package because of its kind, and a build would use it: Go
// files but tests, and what go/build compiles or links (its list of extensions).
func source(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
		return false
	}
	switch path.Ext(base) {
	case ".go":
		return !strings.HasSuffix(base, "_test.go")
	case ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}

// ignored reports whether a Go file's build constraint can only hold with the tag "ignore": go mod vendor leaves those out
// (imports.MatchFile with every tag but ignore).
func ignored(e *zip.File) (bool, error) {
	if path.Ext(e.Name) != ".go" {
		return false, nil
	}
	data, err := readEntry(e, 1<<20)
	if err != nil {
		return false, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			return false, nil
		}
		if !constraint.IsGoBuild(line) && !constraint.IsPlusBuild(line) {
			continue
		}
		x, err := constraint.Parse(line)
		if err != nil {
			return false, nil
		}
		return !possible(x, true), nil
	}
	return false, nil
}

// possible decides as cmd/go/internal/imports does for "every tag but ignore": both x and !x may hold.
func possible(x constraint.Expr, prefer bool) bool {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return x.Tag != "ignore" && prefer
	case *constraint.NotExpr:
		return !possible(x.X, !prefer)
	case *constraint.AndExpr:
		return possible(x.X, prefer) && possible(x.Y, prefer)
	case *constraint.OrExpr:
		return possible(x.X, prefer) || possible(x.Y, prefer)
	}
	return true
}
