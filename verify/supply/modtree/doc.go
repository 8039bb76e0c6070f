// Package modtree checks a tree of modules, in the layout of a module proxy ($GOMODCACHE/cache/download), against the
// checksum database's own proofs that travel in it (sumdb/NAME/lookup and tile): every zip and go.mod, toolchains
// included, without a network. What is not a module's file is a Finding, and so is a module without a proof.
package modtree

import "io"

// A Tree is a read-only set of files. Names have slashes.
type Tree interface {
	Names() []string
	Open(name string) (io.ReaderAt, int64, error)
}

// A Kind is what is wrong with a file.
type Kind string

const (
	Tampered Kind = "tampered" // its hash is not the one that the database holds
	Unproven Kind = "unproven" // the tree has no proof for it
	Extra    Kind = "extra"    // it is no file of a module tree
	Database Kind = "database" // the proofs contradict themselves or the key: nothing in the tree can be believed
)

// A Finding is one file that is not what it should be.
type Finding struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"`
	Text string `json:"text"`
}

func (f Finding) String() string { return string(f.Kind) + " " + f.Path + ": " + f.Text }

const (
	// maxProof bounds a lookup or a tile, in bytes: a tile of height 8 has 8 KiB.
	maxProof = 1 << 20
	// maxMod bounds a go.mod and an .info, in bytes (golang.org/x/mod/zip, MaxGoMod).
	maxMod = 16 << 20
	// maxZip bounds a zip, in bytes. A toolchain has 103 MB.
	maxZip = 1 << 30
	// maxUnzipped bounds what a zip holds, in bytes. A toolchain has 350 MB.
	maxUnzipped = 4 << 30
)
