// Package kit is the file that an offline site is given: a signed manifest, then the parts that it names, each by size and
// SHA-256. The same parts give the same file. Nothing in a kit is believed but what the pinned public key signed.
//
// The file is
//
//	plugproof-kit-v1 MANIFEST SIGNATURE\n    the two lengths in bytes, decimal
//	MANIFEST bytes                          a signed note (golang.org/x/mod/sumdb/note) over the text below
//	SIGNATURE bytes                         minisign's signature of those bytes, by the same key
//	the parts' bytes, in the manifest's order, each digest once
//
// and ends there. The text is
//
//	plugproof kit manifest 1
//	name "NAME"
//	serial N                                 grows with each kit of that name, so that an old one is not taken for new
//	since sha256:...                         digest of the manifest whose parts this kit leaves out; only in such a kit
//	part KIND MODE SIZE sha256:... "PATH"    sorted by PATH; MODE is "file", "exec" or "link"
//	held KIND MODE SIZE sha256:... "PATH"    the same, for a part that is in the kit that "since" names
//
// A part whose mode is "link" is a symbolic link, and its bytes are where it leads to: CheckLink says which there are.
//
// There is one way to write each: a reader refuses every other, so no byte of a kit can change unnoticed.
package kit

import "errors"

const (
	magic   = "plugproof-kit-v1"
	heading = "plugproof kit manifest 1"

	// maxManifest bounds the manifest, in bytes: 300,000 parts of 200 bytes.
	maxManifest = 64 << 20
	// maxSignature bounds minisign's signature, in bytes; ours has about 330.
	maxSignature = 1 << 10
	// maxParts bounds the parts of a kit. The module cache of a large project has some 10,000 files.
	maxParts = 300_000
	// maxPath bounds a part's path, in bytes (PATH_MAX is 4,096).
	maxPath = 1024
)

// Errors that callers tell apart. Each is wrapped with what was found.
var (
	ErrFormat    = errors.New("it is no kit, or a damaged one")
	ErrSignature = errors.New("the trusted key did not sign this kit")
	ErrPart      = errors.New("a part is not what the manifest names")
	ErrOld       = errors.New("the kit is older than one that was already taken")
	ErrBase      = errors.New("the kit leaves out parts of another one")
)
