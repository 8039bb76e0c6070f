// Package abi says what plugin.Open will do with files that it only reads: it simulates the dynamic loader (musl's or glibc's), Go's
// runtime and their state from one open to the next, and gives the outcome of each open with the exact text of its error.
//
// What it cannot see, and therefore does not say: what init functions and C constructors do, CPU features, pages of a damaged file that
// nothing touches while it is opened, hosts linked with -linkshared, gccgo.
package abi

import (
	"github.com/plugproof/plugproof/results"
)

// Schema is the value of Report.Schema.
const Schema = "plugproof/abi/v1"

// Verdict is the outcome of one open.
type Verdict string

// The verdicts, in the order of their precedence: the first that applies is given.
const (
	HostCannotLoad Verdict = "host-cannot-load" // the host is static, was built without cgo or without package plugin, or has no dynamic loader where it is to run
	NotReached     Verdict = "not-reached"      // an earlier plugin killed the process
	Abort          Verdict = "abort"            // the process dies; no error can be caught
	Poisoned       Verdict = "poisoned"         // it opens, and an earlier failed file owns its data; it crashes if that has pointers
	NotFound       Verdict = "not-found"        // no such file
	NotAPlugin     Verdict = "not-a-plugin"     // text, an executable, a library that is no plugin
	DlopenError    Verdict = "dlopen-error"     // the dynamic loader refuses it
	AlreadyLoaded  Verdict = "already-loaded"   // another file has the same plugin path
	Mismatch       Verdict = "mismatch"         // a package differs from the one that the process already has
	Symbol         Verdict = "symbol"           // a declared symbol is missing or has another type
	OK             Verdict = "ok"
)

// Report is the answer for one process: the host and the plugins that it opens in order.
type Report struct {
	Schema  string   `json:"schema"`
	Host    Host     `json:"host"`
	Root    *string  `json:"root"` // the file system in which libraries were looked up; null when there was none
	Plugins []Plugin `json:"plugins"`
	Limits  []string `json:"limits"`           // what could not be looked at
	Orders  *Orders  `json:"orders,omitempty"` // when it was asked for
}

// OK reports whether every plugin opens.
func (r *Report) OK() bool {
	for i := range r.Plugins {
		if r.Plugins[i].Verdict != OK {
			return false
		}
	}
	return true
}

// Host is the program that opens the plugins.
type Host struct {
	Path   string          `json:"path"`
	SHA256 *results.Digest `json:"sha256"`
	Go     *string         `json:"go"`   // "go1.26.8"
	Libc   *string         `json:"libc"` // "musl" or "glibc"
	Arch   string          `json:"arch"` // GOARCH
}

// Plugin is the outcome of one open.
type Plugin struct {
	Path       string       `json:"path"`
	Verdict    Verdict      `json:"verdict"`
	Error      *string      `json:"error"`   // the exact text of plugin.Open's error; null where no error is returned
	Package    *string      `json:"package"` // the first differing package: the one that the runtime names
	Mismatches []Difference `json:"mismatches"`
	Cause      *Cause       `json:"cause"`
	KillsHost  bool         `json:"kills_host"`
	Undecided  *string      `json:"undecided,omitempty"` // why the files do not tell what happens; the verdict is then the gravest, abort
	Drift      []string     `json:"drift"`               // functions of which two versions exist although the fingerprints agree
	Code       *Code        `json:"code"`                // how that was found out; null where there was nothing to compare
	Requires   []string     `json:"requires"`            // what the plugin's code needs of a processor, beyond the architecture's baseline: "GOAMD64=v3"
}

// Difference is a package whose fingerprint differs from the one that the process already has.
type Difference struct {
	Package string  `json:"package"`
	Module  *string `json:"module"` // "std" for the standard library
	Host    Side    `json:"host"`   // of the file that defines the package first: the host, or an earlier plugin
	Plugin  Side    `json:"plugin"`

	// Owner is the path of the file that defines the package first, "" for the host.
	Owner string `json:"-"`
}

// Side is one of the two versions of a package.
type Side struct {
	Version *string `json:"version"` // of its module; the Go version for the standard library
	Hash    string  `json:"hash"`    // 16 hexadecimal digits
}

// Cause names why, with the evidence for it.
type Cause struct {
	ID       string `json:"id"`
	Evidence string `json:"evidence"`
}
