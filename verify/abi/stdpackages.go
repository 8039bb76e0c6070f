package abi

import (
	_ "embed"
	"strings"
	"sync"
)

// stdText lists the packages of the standard library of Go 1.20 to 1.27, one per line: the directories of GOROOT/src that hold Go files. An import path
// without a dot is no sign of it: with GO111MODULE=off, and where other tools than the go command build, a project's own paths have none, and
// no build information tells them apart.
//
//go:embed std.txt
var stdText string

// lastListed is the minor release up to which stdText is complete.
const lastListed = 27

var stdList = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for name := range strings.Lines(stdText) {
		name = strings.TrimSpace(name)
		out[name] = true
		first, _, _ := strings.Cut(name, "/")
		out[first+"/"] = true
	}
	return out
})

// IsStandard reports whether a package is one of the standard library of the Go that runtime.Version calls version.
func IsStandard(pkg, version string) bool { return isStd(pkg, version) }

// isStd reports whether a package is one of the standard library of a Go release; "" stands for a release that the file does not say. Of a release newer
// than the list it is any package beside those that are listed.
func isStd(pkg, version string) bool {
	list := stdList()
	if list[pkg] || strings.HasPrefix(pkg, "crypto/internal/fips140/") || strings.HasPrefix(pkg, "vendor/golang.org/x/") { // snapshots have their version in the path
		return true
	}
	first, _, _ := strings.Cut(pkg, "/")
	return minorOf(version) > lastListed && list[first+"/"]
}
