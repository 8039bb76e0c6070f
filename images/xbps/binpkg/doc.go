// Package binpkg reads and writes xbps packages: a tar archive under one of six compressions, with props.plist and
// files.plist among its first four entries.
//
// Open and Next believe nothing: an archive that could write outside the root it is unpacked into, that holds a device, a
// name twice or metadata in the wrong place, or that grows beyond its Limits, ends with a *Refusal, before anything
// of the kind is handed out. Reading is a stream: memory is bounded by the metadata and the names.
package binpkg

import "fmt"

// Limits bound what a package may grow to. The zero value of a field means the default.
type Limits struct {
	Expanded int64 // bytes of the archive after decompression; default 8 GiB
	Ratio    int64 // bytes after for each byte before decompression, beyond the first 64 MiB; default 1024
	Entries  int   // default 65,536
	Metadata int64 // bytes of props.plist, files.plist, INSTALL or REMOVE each; default 32 MiB
	Names    int64 // bytes of all names together; default 32 MiB
	Window   int64 // bytes of history that a decompressor may ask for; default 64 MiB, what xz -9 asks for
}

// freeExpansion is what every archive may grow to, whatever its ratio.
const freeExpansion = 64 << 20

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Expanded, 8<<30)
	def(&l.Ratio, 1024)
	def(&l.Metadata, 32<<20)
	def(&l.Names, 32<<20)
	def(&l.Window, 64<<20)
	if l.Entries <= 0 {
		l.Entries = 65536
	}
	return l
}

// expanded returns how many bytes an archive of the given size may become.
func (l Limits) expanded(size int64) int64 {
	if size > (l.Expanded-freeExpansion)/l.Ratio {
		return l.Expanded
	}
	return min(l.Expanded, freeExpansion+size*l.Ratio)
}

// Refusal says why an archive is not taken: its class for machines, the entry where there is one, and the reason.
type Refusal struct {
	Class  string
	Entry  string
	Reason string
}

// The classes of Refusal.
const (
	NotAPackage   = "not-a-package"  // no archive, a damaged one, or metadata that is missing or unreadable
	WrongOrder    = "metadata-order" // metadata behind the payload, or twice
	TooBig        = "too-big"        // a limit is exceeded
	TooMany       = "too-many-entries"
	PathEscape    = "path-escape"    // a name that leads, or may lead, out of the root
	LinkEscape    = "link-escape"    // a hard link to something that the archive did not write before
	ThroughLink   = "through-link"   // a name that leads through a link of the archive
	Duplicate     = "duplicate"      // a name twice, or as a file and as a directory
	SpecialFile   = "special-file"   // a device, a pipe, a socket
	SparseFile    = "sparse-file"    // a file whose size has nothing to do with what is stored
	BadAttributes = "bad-attributes" // a size, mode or owner that cannot be
)

func (r *Refusal) Error() string {
	if r.Entry != "" {
		return fmt.Sprintf("binpkg: entry %q: %s", r.Entry, r.Reason)
	}
	return "binpkg: " + r.Reason
}

func refuse(class, entry, format string, args ...any) *Refusal {
	if len(entry) > 200 {
		entry = entry[:200] + "..."
	}
	return &Refusal{Class: class, Entry: entry, Reason: fmt.Sprintf(format, args...)}
}
