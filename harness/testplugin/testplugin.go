// Package testplugin knows Go's own tests of plugins: the programs beneath src/cmd/cgo/internal/testplugin of a GOROOT, and how to build and run
// each, as a table.
//
// The recipes are not ours. They are read from plugin_test.go of the GOROOT in use, so a release's table is what that release tests. A test whose
// recipe uses something that this reader does not know becomes a case with a Skip reason and never one that passes. Differences from the
// original: programs that run a hundred or twenty times do so one after the other; GO_GCFLAGS is not read.
// The sources are in Go's distributions from 1.21 on; before that they were in misc/cgo and not distributed with a toolchain module.
package testplugin

import (
	"path"
	"strings"
	"time"
)

// Module is the module path that the programs are copied under, and the name of its directory.
const Module = "testplugin"

// The directories that Prepare makes. Alt holds another version of a shared package under the same module path.
const (
	Main = "main"
	Alt  = "alt"
)

// Mode is what a Build makes.
type Mode string

// The modes.
const (
	Plugin Mode = "plugin"
	Exe    Mode = "exe" // the default -buildmode
	PIE    Mode = "pie"
)

// Build makes one file.
type Build struct {
	Dir     string   // Main or Alt: where go build is run, below Prepare's directory
	Package string   // "./plugin1" or "./issue19534/plugin.go"
	Out     string   // slash-separated, relative to the directory in which the case is run
	Mode    Mode     // -buildmode
	Flags   []string // besides -buildmode and -o
	Copy    string   // if not empty: the file is a copy of that output, and nothing is built
}

// Key is equal for builds that make the same bytes.
func (b Build) Key() string {
	return strings.Join(append([]string{b.Dir, b.Package, string(b.Mode), b.Copy}, b.Flags...), "\x00")
}

// Args are the arguments of the go command, for an output file anywhere.
func (b Build) Args(out string) []string {
	args := []string{"build"}
	if b.Mode != Exe {
		args = append(args, "-buildmode="+string(b.Mode))
	}
	return append(append(args, b.Flags...), "-o", out, b.Package)
}

// Run is a program that must end with exit code 0. Its directory is that of the outputs, and so is LD_LIBRARY_PATH.
type Run struct {
	Argv    []string      // Argv[0] is "./NAME.exe", an output
	Count   int           // how often, one after the other; at least 1
	Timeout time.Duration // of each, as the test sets it; 0 where it sets none
}

// Case is one test function.
type Case struct {
	Name   string // "TestRunHost"
	Builds []Build
	Runs   []Run      // none: the test is that the builds succeed
	Tools  [][]string // arguments of the go command, to be run where the outputs are; each must succeed and print something
	Skip   string     // why the case cannot be run; empty if it can
}

// outOf is go build's default output.
func outOf(pkg string, mode Mode) string {
	base := strings.TrimSuffix(path.Base(pkg), ".go")
	if mode == Plugin {
		return base + ".so"
	}
	return base
}
