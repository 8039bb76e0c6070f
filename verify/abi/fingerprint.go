package abi

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// Fingerprint is a digest of what plugins must fit in a host: machine, Go version, layout and package fingerprints. It stays
// the same when only other bytes of the host change.
func (l *Lock) Fingerprint() results.Digest {
	var b strings.Builder
	fmt.Fprintf(&b, "plugproof host fingerprint 1\n%v %v %q %d\n", l.Machine, l.Class, l.Info.GoVersion, l.ModuleData)
	for _, p := range l.Packages {
		fmt.Fprintf(&b, "%x %q\n", p.Hash, p.Name)
	}
	return results.DigestOf([]byte(b.String()))
}
