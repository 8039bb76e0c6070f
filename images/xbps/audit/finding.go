// Package audit finds what is wrong with an xbps package or with a repository in a directory.
//
// xbps checks no signature when a repository is a directory, which is how a USB stick arrives; and it never looks at modes,
// owners or the ELF files inside. This does. A finding is data: the errors that functions return say that the audit
// itself could not be made. The same files give the same findings in the same order.
package audit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo"
	"github.com/plugproof/plugproof/images/xbps/repo"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// Finding is one thing that is wrong.
type Finding struct {
	File  string `json:"file"`           // of the repository
	Path  string `json:"path,omitempty"` // inside the package
	Class string `json:"class"`          // for machines
	Text  string `json:"text"`           // for people
}

// String gives the finding's line: file, path, text and the class in brackets.
func (f Finding) String() string {
	if f.Path != "" {
		return fmt.Sprintf("%s: %s: %s [%s]", f.File, f.Path, f.Text, f.Class)
	}
	return fmt.Sprintf("%s: %s [%s]", f.File, f.Text, f.Class)
}

// The classes of Finding. To these come the classes of binpkg.Refusal, manifest.Problem and elfinfo.Mismatch.
const (
	Unreadable      = "unreadable"         // a file that is no regular file, or cannot be read
	BadIndex        = "bad-index"          // an index that xbps would not read
	NoIndex         = "no-index"           // a directory without one
	Unsigned        = "unsigned"           // the index names no key
	NoKey           = "no-trusted-key"     // nothing was given to trust
	UnknownKey      = "unknown-key"        // signed by a key that is not trusted
	NoSignature     = "no-signature"       // no .sig2
	LegacySignature = "legacy-signature"   // only a .sig
	BadSignature    = "bad-signature"      // a .sig2 that is not of this file
	WrongHash       = "hash"               // the package differs from what the index says
	WrongSize       = "size"               // the same, already in its size
	MissingFile     = "missing-file"       // in the index, not in the directory
	NotIndexed      = "not-indexed"        // in the directory, its name in no index
	Downgrade       = "downgrade"          // the index has an older version than the directory, or than was known
	IndexDiffers    = "index-differs"      // the index says other things of the package than the package
	WrongArch       = "architecture"       // a package in the index of another architecture
	WrongName       = "file-name"          // the package is not what its file name says
	MissingDep      = "missing-dependency" // nothing in the repository satisfies it
	Conflicting     = "conflict"           // a package conflicts with what it needs
	MissingLibrary  = "missing-library"    // no package of the closure provides it
	UndeclaredLib   = "undeclared-library" // an ELF file needs it, shlib-requires does not say so
	ContentHash     = "content-hash"       // a file differs from files.plist
	Unlisted        = "unlisted-file"      // in the archive, not in files.plist
	Absent          = "absent-file"        // in files.plist, not in the archive
	LinkTarget      = "link-target"        // a link leads elsewhere than files.plist says
	Setuid          = "setuid"             // a setuid or setgid file
	WorldWritable   = "world-writable"     // anybody may change the file
	WrongOwner      = "owner"              // not root's
	BadELF          = "elf-damaged"        // an ELF file that cannot be read
	NoarchELF       = "elf-noarch"         // an ELF program or library in a package for every architecture
)

// Options say what is trusted and wanted. The zero value trusts nothing.
type Options struct {
	Keys          []*sign.PublicKey
	AllowUnsigned bool                   // an index without a key and packages without a signature are wanted
	AllowSetuid   []string               // paths that may be setuid or setgid, or "all"
	Tolerate      []string               // classes of Tolerable that Select notes and does not find
	Assume        []string               // sonames, names or pkgvers that the target machine already has
	Since         map[string]*repo.Index // by architecture: what was known before, against which a version may not go back
	Limits        binpkg.Limits
	MaxELF        int64 // bytes of an ELF file that is looked at; default 512 MiB
}

// Tolerable are the classes that say a package is built badly for its purpose, and not that it is another than its maker's. A
// package of firmware has programs of other machines, for one.
var Tolerable = []string{UndeclaredLib, WorldWritable, WrongOwner, BadELF, NoarchELF, elfinfo.WrongMachine, elfinfo.WrongLibc, elfinfo.WrongFloat, elfinfo.WrongLoader, elfinfo.WrongLevel}

// Damage are the classes that say that a repository does not hold together: its index, its packages and its signatures are not those
// of one another, or cannot be read.
var Damage = []string{Unreadable, BadIndex, NoIndex, NoSignature, BadSignature, WrongHash, WrongSize, MissingFile, NotIndexed, Downgrade, IndexDiffers, WrongArch, WrongName,
	ContentHash, Unlisted, Absent, LinkTarget, binpkg.NotAPackage, binpkg.WrongOrder, binpkg.TooBig, binpkg.TooMany, binpkg.PathEscape, binpkg.LinkEscape, binpkg.ThroughLink,
	binpkg.Duplicate, binpkg.SpecialFile, binpkg.SparseFile, binpkg.BadAttributes}

// SetuidAllowed says that a path may be setuid or setgid.
func (o Options) SetuidAllowed(path string) bool {
	return slices.Contains(o.AllowSetuid, path) || slices.Contains(o.AllowSetuid, "all")
}

func (o Options) trusts(k *sign.PublicKey) bool {
	return slices.ContainsFunc(o.Keys, func(t *sign.PublicKey) bool { return t.Equal(k) })
}

// report collects findings.
type report struct{ findings []Finding }

func (r *report) add(file, path, class, format string, args ...any) {
	r.findings = append(r.findings, Finding{file, path, class, fmt.Sprintf(format, args...)})
}

// sorted gives the findings in their fixed order, each once.
func (r *report) sorted() []Finding {
	slices.SortFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(r.findings)
}
