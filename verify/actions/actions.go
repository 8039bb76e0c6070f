// Package actions finds which input of a build made two builds of one thing differ, from what the go command says of its own work:
// the log of GODEBUG=gocachehash=1, which prints every byte that enters an action's hash, and the file of -debug-actiongraph, which
// holds each action's build ID.
//
// The go command does one action for each package (build P) and one for each program (link P). An action's ID is a hash over its
// inputs: flags, tools, source files and the contents of what it imports. Compare aligns two logs by action, drops what differs only
// because an import differs (the cascade) and keeps the inputs that differ by themselves (the roots). A package whose contents differ
// although its inputs are equal is unstable: its compiler is not deterministic, or reads what the go command does not hash, such as
// the headers of a cgo package.
//
// The formats are those of cmd/go/internal/cache/hash.go and cmd/go/internal/work (buildActionID, linkActionID, actionJSON), the same
// in Go 1.20 to 1.27. Lines, keys, modes and fields that are not known are kept under their first word or passed over.
//
// What enters no hash is not in the log: the external linker, crt files, the libc, and the C compiler beside its version line.
package actions

import (
	"slices"
	"strings"
)

// Kinds of action. The graph knows more of them.
const (
	Build = "build" // compiles a package
	Link  = "link"  // links a program or plugin
)

// Action is one action's inputs, as the log has them.
type Action struct {
	Kind    string  // Build or Link
	Package string  // import path
	Inputs  []Input // distinct, in the order of the log
	// Whole is set if the inputs are all that entered the hash: their SHA-256 is the sum that the log gives. It is not where two
	// actions of one name ran at the same time, and where lines are missing.
	Whole bool
	// IDs are the distinct sums that the log gives, 64 hexadecimal digits each: keys in the build cache, where entry X lies at X[:2]/X-a.
	// Subkeys are the keys that were derived from them, for what a tool printed and the like.
	IDs, Subkeys []string
	seen         map[Input]bool
}

// Name is what the log calls the action: "build fmt".
func (a *Action) Name() string { return a.Kind + " " + a.Package }

// Value is the first value of a key.
func (a *Action) Value(key string) (string, bool) {
	if i := slices.IndexFunc(a.Inputs, func(in Input) bool { return in.Key == key }); i >= 0 {
		return a.Inputs[i].Value, true
	}
	return "", false
}

// Input is one thing that entered an action's hash. Keys:
//
//	go version                  of the go command
//	module, go                  the module as path@version (with -trimpath), its language version
//	dir                         the package's absolute directory (without -trimpath)
//	goos, goarch, buildmode, importpath, omitdebug, standard, local, prefix, trimpath, forcelibrary
//	cgo, CC, CPPFLAGS, CFLAGS, LDFLAGS, CC ID, CXX, CXXFLAGS, CXX ID, FC, FFLAGS, FC ID
//	                            the cgo tool; commands and flags as Go writes lists of strings (["gcc"]); compilers' version lines
//	modinfo path, modinfo mod P, modinfo dep P, modinfo => P, modinfo build KEY
//	                            lines of the build information of a main package
//	compile, gcflags all, gcflags, asm, asmflags all, asmflags
//	                            tools with their versions; flags that -buildmode and the like force, and the user's
//	GOAMD64, GOARM, GOEXPERIMENT, GOROOT, GO_EXTLINK_ENABLED, ...
//	magic NAME                  other environment variables that the compiler reads
//	cover, fuzz, pgofile
//	file NAME                   a source file of the package; the value is a hash of its contents
//	import P, packagefile P     contents of a package that is imported, or linked; packagemain: build ID of the main package
//	link, linkflags all, linkmode, linkflags, defaultgodebug
//
// and the first word of whatever else is written.
type Input struct{ Key, Value string }

// reference is the package whose contents an input stands for; ok is false if it stands for none.
func (in Input) reference() (pkg string, ok bool) {
	if pkg, ok = strings.CutPrefix(in.Key, "import "); ok {
		return pkg, true
	}
	return strings.CutPrefix(in.Key, "packagefile ")
}

// derived inputs follow from others: the main package's build ID from its inputs and contents.
func (in Input) derived() bool { return in.Key == "packagemain" }
