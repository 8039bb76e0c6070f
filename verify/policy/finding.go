package policy

import (
	"cmp"
	"slices"
)

// Kind says what a finding is about.
type Kind string

// The kinds. The last two say that something could not be looked at.
const (
	Forbidden      Kind = "forbidden"       // a module that forbid names
	NotAllowed     Kind = "not-allowed"     // a module that allow does not name
	Replaced       Kind = "replaced"        // a replacement that is not listed
	PseudoVersion  Kind = "pseudo-version"  // one that is not listed
	Licence        Kind = "licence"         // a licence that is denied, or not allowed
	UnknownLicence Kind = "unknown-licence" // no licence file, or one whose text is not known
	Unaudited      Kind = "unaudited"       // a critical package imports it
	DeadRule       Kind = "dead-rule"       // a rule that fits nothing
	OldReview      Kind = "old-review"      // an audited module's review is too old
	UnusedModule   Kind = "unused"          // required, and nothing that is built needs it
	Sum            Kind = "sum"             // go.sum does not name it, or another hash
	Hidden         Kind = "hidden"          // a package was linked whose module is not in build information or go.mod
	OtherVersion   Kind = "other-version"   // a file was linked from another version than the project's
	Unlisted       Kind = "unlisted"        // a package was linked that nothing in the project imports
	Foreign        Kind = "foreign"         // a file of another project
	NoBuildInfo    Kind = "no-build-info"   // a file without: versions, sums and replacements are unknown
	Vendored       Kind = "vendored"        // a vendor folder is not what go.sum, or the directory that replaces a module, says
	NotLooked      Kind = "not-looked"      // evidence that is not there
)

// A Finding is one thing that the rules do not permit, or that could not be looked at.
type Finding struct {
	Kind       Kind   `json:"kind"`
	File       string `json:"file"`    // go.mod, go.work, go.sum, plugproof.toml, or a built file
	Line       int    `json:"line"`    // from 1; 0: the file has no lines, or none is about it
	Module     string `json:"module"`  // PATH or PATH@VERSION; may be empty
	Package    string `json:"package"` // may be empty
	Text       string `json:"text"`
	Rule       int    `json:"rule"`       // the line of plugproof.toml that says so; 0 where no line does
	Incomplete bool   `json:"incomplete"` // it says that something was not looked at
}

// sorted orders findings for people: by file, line, kind and module; none twice.
func sorted(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Module, b.Module), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(list)
}
