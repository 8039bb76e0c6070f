package cli

import (
	"strings"

	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/verify/abi"
)

// abiCPU is the target's processor: the one that was asked for, else that of the default machine of the host's architecture, "" where there is
// no such machine.
func abiCPU(host abi.Input, asked string) (string, error) {
	about, _, err := abi.Describe(host)
	if err != nil {
		return "", hostError(err)
	}
	if asked == "" {
		m, err := vm.ModelOf(about.Arch)
		if err != nil { // no machine, so nothing is known of its processor
			return "", nil
		}
		return m.CPU["tcg"], nil
	}
	arch, _, known := abi.ParseCPU(asked)
	if !known {
		return "", usagef("known are GOAMD64=v1 to v4, GOARM=5 to 7, "+strings.Join(abi.CPUs(), ", "), "processor %q is not known", asked)
	}
	if arch != about.Arch {
		return "", usagef("give a processor of the host's architecture", "processor %q is of architecture %s, the host is for %s", asked, arch, about.Arch)
	}
	return asked, nil
}
