// Package plan turns a project's plugproof.toml and the caller's choice of axes into cells: what is built, with what, and what is
// expected of it. It reads files and decides; it runs nothing.
//
// The format is read strictly: an unknown key, a wrong type or an unknown name is an error that points at file, line and column.
// What is deliberately refused: a package given as a list of .go files (its plugin path would be a hash of the file names), an
// environment variable that twin builds vary or that plugproof sets itself, and flags that plugproof itself gives to go build.
package plan

import (
	"fmt"
	"time"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/policy"
)

// FileName is the name of the file that makes a directory a project.
const FileName = "plugproof.toml"

// MaxSize is the longest plugproof.toml that is read, in bytes.
const MaxSize = 1 << 20

// Project is one plugproof.toml, read and checked.
type Project struct {
	Name   string `toml:"-"` // identity: module path, "//" and the slash-relative directory if not the module's root; "fixture:NAME"
	Dir    string `toml:"-"` // the directory of the plugproof.toml; empty when it was parsed from bytes alone
	Module string `toml:"-"` // module path of the enclosing module
	Root   string `toml:"-"` // directory of the enclosing module's go.mod
	File   string `toml:"-"` // the name used in error messages

	Host    Host          `toml:"host"`
	Plugins []Plugin      `toml:"plugin"`
	Expects []Expect      `toml:"expect"`
	Build   Build         `toml:"build"`
	CC      map[string]CC `toml:"cc"` // by architecture
	Matrix  Matrix        `toml:"matrix"`
	Policy  *policy.Rules `toml:"policy"` // nil: there is none

	at index
}

// Host is the program that calls plugin.Open. Exactly one of Package, File and Lock is set; Dir goes with Package.
type Host struct {
	Package string            `toml:"package"` // "./cmd/gw", an import path, or "path@version"
	Dir     string            `toml:"dir"`     // another checkout, relative to the project
	File    string            `toml:"file"`    // a shipped binary, not rebuilt
	Lock    string            `toml:"lock"`    // prediction only
	Rebuild string            `toml:"rebuild"` // expected verdict of the twins, or a cause id
	Flags   []string          `toml:"flags"`
	Env     map[string]string `toml:"env"`
	Go      string            `toml:"go"`
}

// Plugin is one plugin. Exactly one of Package and File is set; Dir goes with Package.
type Plugin struct {
	Package string            `toml:"package"`
	Dir     string            `toml:"dir"`
	File    string            `toml:"file"`    // a shipped .so, not rebuilt
	Symbols map[string]string `toml:"symbols"` // exported name to type, in Go syntax with full import paths
	Against results.Digest    `toml:"against"` // the shipped bytes
	Expect  string            `toml:"expect"`  // an abi verdict
	Rebuild string            `toml:"rebuild"` // expected verdict of the twins, or a cause id
	Flags   []string          `toml:"flags"`
	Env     map[string]string `toml:"env"`
	Go      string            `toml:"go"`
}

// Expect says what differs from the plugins' own expectation in some cells.
type Expect struct {
	When    When   `toml:"when"`
	Plugin  string `toml:"plugin"` // a plugin's package; empty means every plugin
	Verdict string `toml:"verdict"`
}

// When selects cells: an empty field matches everything.
type When struct {
	HostGo   string `toml:"host_go"`
	PluginGo string `toml:"plugin_go"`
	Arch     string `toml:"arch"`
	Libc     string `toml:"libc"`
}

// Build holds what host and plugins have in common.
type Build struct {
	Flags   []string          `toml:"flags"`
	Env     map[string]string `toml:"env"`
	Before  [][]string        `toml:"before"`  // commands run on each side
	Command []string          `toml:"command"` // instead of go build
	Limit   string            `toml:"limit"`   // how long one of before, command and {{cmd:...}} may take: a Go duration
}

// MaxLimit is the longest Limit.
const MaxLimit = 24 * time.Hour

// limit is Limit as a duration; 0 where the project does not say.
func (b Build) limit() (time.Duration, error) {
	if b.Limit == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(b.Limit)
	if err != nil || d <= 0 || d > MaxLimit {
		return 0, fmt.Errorf("limit %q is no duration above 0 and up to %v", b.Limit, MaxLimit)
	}
	return d, nil
}

// CC names another C compiler than the default.
type CC struct {
	CC string `toml:"cc"`
}

// Matrix holds the axes. An empty axis is filled from the caller's Selection.
type Matrix struct {
	Go      []string `toml:"go"`
	Arch    []string `toml:"arch"`
	Libc    []string `toml:"libc"`
	Include []When   `toml:"include"` // cells added after Exclude; what a table leaves out ranges over the axis
	Exclude []When   `toml:"exclude"` // cells taken away
}
