// Package build builds each artifact of a project twice, in two deliberately different surroundings, and builds probe hosts.
//
// Side A is the control, side B differs in everything that a correct build survives: the path of the whole source tree, HOME,
// TMPDIR, GOCACHE, the place of GOROOT, the second on the clock, zone, locale, umask, parallelism, host and user name.
// Each side works in its own copy of the tree, seen at a path that stays the same from run to run, and has its own build cache,
// which the other side can neither name nor, where there are mount namespaces, see. A cache's name carries the digests of the Go
// and of the whole C toolchain, and every link goes to a fresh file or over what the side itself linked last for the job by that very
// toolchain (kept.go): cmd/go knows gcc by one line of its version only and leaves the external linker, crt files and libc out of the
// link's identity, so a warm twin could otherwise be equal and wrong.
//
// Builds start from an empty environment and cannot reach the network; fetching is a step of its own. What a compiler says about
// the project's source is data (Failure), never an error; a compiler that was killed or a full disk is an error.
//
// Package vary has the table of what can differ; Job.Vary chooses from it. What is not varied is in TwinResult with the reason: what nobody
// asked for, what this machine cannot do, directories that go.mod names by absolute paths. The module cache is shared by both sides, and
// read-only where mounts allow it.
package build

import (
	"context"
	"sync"
	"time"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/results"
)

// Builder holds what builds have in common. Its methods may be called at the same time.
type Builder struct {
	Cache    string           // directory for what persists: build caches, and the places where trees are seen
	Scratch  string           // directory for copies, which are removed again; best on the same file system as Cache
	ModCache string           // the shared GOMODCACHE
	Slots    Slots            // bounds how many sides work at the same time; nil: both sides of each job at once
	FetchEnv []string         // GOPROXY, GOSUMDB, GOPRIVATE, proxies, ...: only Fetch sees them
	UserMods string           // the user's own GOMODCACHE, from which Fetch takes first; "" for none
	Offline  bool             // Fetch uses only UserMods and a GOPROXY that begins with file://
	Cold     bool             // each side's build caches are thrown away when this Builder first uses them
	Now      func() time.Time // the wall clock
	MaxTree  int64            // bytes of a tree that is copied; 0 means DefaultMaxTree

	mu      sync.Mutex
	iso     *proc.Report    // instead of proc.Isolation's, in tests
	dropped map[string]bool // caches that Cold has thrown away already
}

// isolation says what is possible here.
func (b *Builder) isolation() proc.Report {
	if b.iso != nil {
		return *b.iso
	}
	return proc.Isolation()
}

// Slots is what golang.org/x/sync/semaphore.Weighted offers.
type Slots interface {
	Acquire(ctx context.Context, n int64) error
	Release(n int64)
}

// Job is one artifact to be built.
type Job struct {
	Tree    *Tree
	Subject string            // "host", or the plugin's name; in error texts
	Plugin  bool              // -buildmode=plugin
	Dir     string            // slash-separated, relative to the project; the package is named from here; "" is the project
	Package string            // "./cmd/gw" or an import path
	Version string            // of a package that is built as `go install -trimpath PACKAGE@VERSION` does; hosts only
	Arch    string            // GOARCH
	Go      toolchain.Go      // the Go toolchain
	C       toolchain.C       // the C toolchain
	Flags   []string          // of go build, before {{cmd:...}} is run
	Env     map[string]string // the project's, with GOAMD64 or GOARM, before {{cmd:...}} is run
	Before  [][]string        // commands run on each side before building, in Dir
	Command []string          // instead of go build; gets GO, CC, GOFLAGS, PLUGPROOF_OUT and PLUGPROOF_PACKAGE
	Vary    vary.Set          // what differs on side b; the zero value means the default set
	Limit   time.Duration     // for each command of Before, Command and {{cmd:...}}; 0 means DefaultLimit
	Out     string            // directory that receives the artifacts
	Name    string            // their names' beginning: NAME.a and NAME.b, or NAME for a probe
}

// Artifact is a file that was built.
type Artifact struct {
	File   string
	SHA256 results.Digest
	Size   int64 // bytes
}

// Side is what one side did.
type Side struct {
	Name string // "a" or "b"
	Artifact
	Log     string        // what the commands said, shortened in the middle if very long
	CPU     time.Duration // user and system time of everything that ran
	Wall    time.Duration // of the commands alone, without waiting
	Started time.Time     // when the side's clock was first looked at
	Cache   string        // base name of its build cache
	Warm    bool          // the cache had been used before
}

// Variation is one deliberate difference between the sides.
type Variation struct {
	Name string // as package vary calls it
	A, B string // the values
}

// Failure is a project that does not build: a finding.
type Failure struct {
	Op   string // "go build", "before", "{{cmd:...}}", ...
	Text string // what the tool said, once, with the sides' directories taken out
	Side string // "" if both sides say the same, else the one that failed alone, "a" or "b"
}

// TwinResult is what twin builds gave. Either Failed is set or both artifacts are there.
type TwinResult struct {
	A, B      Side
	Identical bool     // the same SHA-256
	Failed    *Failure // verdict build-failed
	Sources   results.Digest
	Varied    []Variation
	NotVaried []string          // what could not be varied here, with the reason
	Isolation map[string]string // for the record: path, network, processes, mounts
}

// CPU is the time that both sides used.
func (r *TwinResult) CPU() time.Duration { return r.A.CPU + r.B.CPU }
