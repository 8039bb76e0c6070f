package results

// ShapeSchema is the value of Shape.Schema.
const ShapeSchema = "plugproof/shape/v1"

// Shape is what is worth remembering of a host or a plugin when the file itself is gone: what two toolchains can be told apart by.
// A run keeps one for each file that it predicted with, under the file's digest; artifacts of records lead to it.
type Shape struct {
	Schema   string        `json:"schema"`
	SHA256   Digest        `json:"sha256"`
	Size     int64         `json:"size"` // bytes
	Go       string        `json:"go"`   // as the build information says, or null
	Sections []SectionSize `json:"sections"`
	Module   ModuleData    `json:"module_data"`
	Packages []PackageHash `json:"packages"` // that a host defines, by name; that a plugin was linked with, in the order in which the runtime compares them
}

// SectionSize is a section's size in memory or, for what is not loaded, in the file; bytes.
type SectionSize struct {
	Name string `json:"name"`
	Size uint64 `json:"size"`
}

// ModuleData is the layout of runtime.moduledata, which host and plugin must have in common. 0 and empty lists are unknown.
type ModuleData struct {
	Size      uint64        `json:"size"`      // bytes
	PkgHashes uint64        `json:"pkghashes"` // offset of the field by which packages are compared
	Fields    []StructField `json:"fields"`    // as the debugging information has them; empty in a stripped file
}

// StructField is one field of a struct.
type StructField struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Offset int64  `json:"offset"`
}

// PackageHash is a package's fingerprint: 16 hexadecimal digits.
type PackageHash struct {
	Name string `json:"name"`
	Hash string `json:"hash"`
}
