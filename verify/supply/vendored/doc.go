// Package vendored checks a module's vendor folder, file by file, against the module zips that go.sum names: what "go mod
// verify" does not do (golang/go#27348). An edited, added, missing or linked file is a Finding; a module whose zip is not at
// hand is one that says so.
package vendored

// A Kind is what is wrong with a file, a module or the list of modules.
type Kind string

const (
	Edited  Kind = "edited"  // the file differs from the zip's
	Added   Kind = "added"   // no zip has the file
	Missing Kind = "missing" // a source file of a vendored package is not there
	Linked  Kind = "linked"  // a symbolic link, or no regular file
	Unsum   Kind = "unsum"   // go.sum does not name the module's zip
	BadZip  Kind = "bad-zip" // the zip at hand is not the one that go.sum names
	List    Kind = "list"    // vendor/modules.txt cannot be read, or does not fit go.mod
	Local   Kind = "local"   // replaced by a folder: no zip can say what its files should be
	NoZip   Kind = "no-zip"  // the zip is not at hand: nothing was checked
)

// A Finding is one thing that is wrong, or that could not be checked.
type Finding struct {
	Kind   Kind   `json:"kind"`
	Path   string `json:"path"`   // of the file, with slashes, below the module's folder; or the module
	Module string `json:"module"` // path@version, or ""
	Text   string `json:"text"`   // a sentence
}

// Incomplete reports whether the finding says that something was not checked, rather than wrong.
func (f Finding) Incomplete() bool { return f.Kind == NoZip || f.Kind == Local }

func (f Finding) String() string { return string(f.Kind) + " " + f.Path + ": " + f.Text }
