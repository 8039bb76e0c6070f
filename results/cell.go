package results

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// CellID is the lower-case hexadecimal SHA-256 of the canonical JSON of a Cell.
type CellID string

// Short is the first 12 digits, for people.
func (id CellID) Short() string {
	if len(id) > 12 {
		return string(id[:12])
	}
	return string(id)
}

// Shipped stands in a cell for the Go of a host or of plugins that are files, or of a host's lock: they are not built.
const Shipped = "shipped"

// Cell is one combination of axes. It holds nothing that depends on the machine, so the same plan has the same ids everywhere.
type Cell struct {
	Project  string            `json:"project"`         // module path, then "//" and the slash-relative directory if it is not the module's root; "fixture:NAME" for built-in ones
	HostGo   string            `json:"host_go"`         // "go1.26.8", or the configured name of a path toolchain
	PluginGo string            `json:"plugin_go"`       // the same, for the plugins
	Arch     string            `json:"arch"`            // "amd64" or "arm"
	Level    string            `json:"level"`           // "GOAMD64=v1", "GOARM=7"
	Libc     string            `json:"libc"`            // "musl"
	Flags    []string          `json:"flags,omitempty"` // the [build] flags
	Env      map[string]string `json:"env,omitempty"`   // the [build] environment
	Image    string            `json:"image"`           // the image's name, "default" unless chosen
}

// ID returns the cell's name for machines. encoding/json sorts map keys, so the JSON is canonical.
func (c Cell) ID() CellID {
	b, err := json.Marshal(c)
	if err != nil { // a struct of strings cannot fail to marshal
		panic(fmt.Sprintf("marshalling a cell: %v", err))
	}
	sum := sha256.Sum256(b)
	return CellID(hex.EncodeToString(sum[:]))
}

// String is the cell's name for people.
func (c Cell) String() string {
	s := c.Project + " " + c.Arch + " " + c.HostGo
	if c.PluginGo != c.HostGo {
		s += "+" + c.PluginGo
	}
	return s
}

// builds reports whether something of the cell is built, and not shipped.
func (c Cell) builds() bool { return c.HostGo != Shipped || c.PluginGo != Shipped }
