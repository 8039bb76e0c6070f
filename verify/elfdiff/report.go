package elfdiff

import (
	"encoding/json"
	"fmt"
)

// Schema names the form of a Report's JSON.
const Schema = "plugproof/diff/v1"

// Verdict says what the whole difference between two files is. The zero value is Identical; a greater value is graver.
type Verdict int

// The verdicts, from harmless to grave.
const (
	Identical    Verdict = iota // the same bytes
	BuildIDOnly                 // nothing but build ID notes
	DebugOnly                   // and what only debuggers, tracebacks and profilers read: DWARF, file names and lines in pclntab, .comment
	SymbolTable                 // and .symtab, .strtab, section headers: what tools read and loaders do not
	Data                        // and loaded bytes that are not instructions
	Code                        // and instructions, stack maps, unwinding of the Go stack
	ABI                         // and the package fingerprints that plugin.Open compares
	Incomparable                // another machine, class, byte order or file type
)

var verdictNames = [...]string{"identical", "build-id-only", "debug-only", "symbol-table", "data", "code", "abi", "incomparable"}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return verdictNames[v]
}

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's name.
func (v *Verdict) UnmarshalText(b []byte) error {
	for i, n := range verdictNames {
		if n == string(b) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("unknown diff verdict %q", b)
}

// Verdicts lists all verdicts in order of gravity.
func Verdicts() []Verdict {
	vs := make([]Verdict, len(verdictNames))
	for i := range vs {
		vs[i] = Verdict(i)
	}
	return vs
}

// Report is what a comparison found. It marshals to the JSON of `plugproof diff --json`.
type Report struct {
	Schema    string     `json:"schema"`
	Verdict   Verdict    `json:"verdict"`
	Identical bool       `json:"identical"`
	A         FileInfo   `json:"a"`
	B         FileInfo   `json:"b"`
	Proof     Proof      `json:"proof"`
	Mask      *Mask      `json:"mask"` // nil where something moved
	Bytes     Bytes      `json:"bytes"`
	Sections  []Section  `json:"sections"`
	Symbols   Symbols    `json:"symbols"`
	Causes    []Cause    `json:"causes"`
	Known     []string   `json:"known"` // facts that narrow an unknown cause down
	Evidence  []Evidence `json:"evidence"`
}

// FileInfo is what one file says of itself. Empty strings are unknown and are written as null.
type FileInfo struct {
	Path    string
	SHA256  string // 64 hexadecimal digits
	Size    int64  // bytes
	Machine string // "amd64", "arm", ...; else ELF's own name
	Go      string // "go1.26.8"
	Libc    string // "musl" or "glibc", from NEEDED and the interpreter
	BuildID string // Go's
}

// MarshalJSON writes unknown values as null.
func (f FileInfo) MarshalJSON() ([]byte, error) {
	type doc struct {
		Path    string  `json:"path"`
		SHA256  string  `json:"sha256"`
		Size    int64   `json:"size"`
		Machine *string `json:"machine"`
		Go      *string `json:"go"`
		Libc    *string `json:"libc"`
		BuildID *string `json:"build_id"`
	}
	return json.Marshal(doc{f.Path, f.SHA256, f.Size, orNull(f.Machine), orNull(f.Go), orNull(f.Libc), orNull(f.BuildID)})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Proof says how the verdict was shown to be the whole difference.
type Proof string

// The kinds of proof.
const (
	ProofHash      Proof = "sha256"    // equal digests
	ProofMask      Proof = "mask"      // nothing moved: both files are equal once the differing ranges are zeroed
	ProofStructure Proof = "structure" // files of another layout, compared by symbol, relocation target, line table
	ProofHeader    Proof = "header"    // the ELF headers differ
)

// Bytes counts differing bytes after alignment by section, then symbol; of an insertion or deletion the longer side counts.
type Bytes struct {
	Differing int64 `json:"differing"`
	Explained int64 `json:"explained"` // of them, those that a named cause accounts for
	Moved     int64 `json:"moved"`     // of Differing, addresses and offsets that lead to the same place in both files
}

// Section is a section that differs.
type Section struct {
	Name      string  `json:"name"`
	Differing int64   `json:"differing"` // bytes
	Moved     int64   `json:"moved"`     // of Differing, those that only follow from something moving
	Verdict   Verdict `json:"verdict"`   // the gravest difference in it; identical if it only moved
}

// Symbols lists symbols by name.
type Symbols struct {
	Added   []string `json:"added"`   // only in B
	Removed []string `json:"removed"` // only in A
	Changed []string `json:"changed"` // same name, other bytes, relocation targets, size or type
	Resized []string `json:"resized"` // those of Changed with another size
	Moved   int      `json:"moved"`   // same name and content, other address
}

// Cause is a named reason for the difference.
type Cause struct {
	ID       string `json:"id"`
	Evidence string `json:"evidence"`
	Fix      string `json:"fix"`    // null if none is known
	Guess    bool   `json:"guess"`  // named by the shape of a value, not by what the files record
	Proven   bool   `json:"proven"` // shown by intervention: always false for two files alone
}

// MarshalJSON writes an unknown fix as null.
func (c Cause) MarshalJSON() ([]byte, error) {
	type doc struct {
		ID       string  `json:"id"`
		Evidence string  `json:"evidence"`
		Fix      *string `json:"fix"`
		Guess    bool    `json:"guess"`
		Proven   bool    `json:"proven"`
	}
	return json.Marshal(doc{c.ID, c.Evidence, orNull(c.Fix), c.Guess, c.Proven})
}

// Evidence is one differing place.
type Evidence struct {
	Verdict   Verdict `json:"verdict"`
	Section   string  `json:"section"`
	Symbol    string  `json:"symbol,omitempty"`
	Package   string  `json:"package,omitempty"`   // of a fingerprint, its import path
	Structure string  `json:"structure,omitempty"` // "GNU build ID", "pclntab file name", "go.buildinfo vcs.revision"
	OffsetA   int64   `json:"offset_a"`            // in the section's contents, bytes; -1 if only in B
	OffsetB   int64   `json:"offset_b"`            // -1 if only in A
	Bytes     int64   `json:"bytes"`
	A         string  `json:"a,omitempty"` // excerpt, quoted as Go or hexadecimal
	B         string  `json:"b,omitempty"`

	span [2]int // bytes of either file that the place covers, where something needs them
}
