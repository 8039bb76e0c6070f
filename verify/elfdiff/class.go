package elfdiff

import (
	"debug/elf"
	"strings"
)

// Names of structures, where causes look for them.
const (
	pclnFileNames     = "pclntab file names"
	structFrames      = "pclntab frame or stack map"
	structLines       = "pclntab lines"
	structFingerprint = "package fingerprint"
	onlyInA           = "section only in A"
	onlyInB           = "section only in B"
)

// sectionClass is the class of any byte of a section before its structure is looked at.
func sectionClass(name string, alloc, exec bool) Verdict {
	switch {
	case isBuildIDNote(name):
		return BuildIDOnly
	case exec || name == ".gopclntab" || strings.HasSuffix(name, ".gopclntab"):
		return Code // frame sizes and stack maps are as grave as instructions
	case alloc:
		return Data
	case isDebug(name):
		return DebugOnly
	}
	return SymbolTable
}

func isBuildIDNote(name string) bool {
	return name == ".note.gnu.build-id" || name == ".note.go.buildid"
}

// isDebug names sections that are not loaded and that only debuggers read.
func isDebug(name string) bool {
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, ".zdebug_") || name == ".comment" || name == ".gnu_debuglink"
}

// isFingerprint reports whether a symbol's bytes are compared by plugin.Open. Up to Go 1.19 the prefix was "go.link.".
func isFingerprint(name string) bool {
	name = strings.TrimPrefix(name, "local.")
	return strings.HasPrefix(name, "go:link.pkghash") || strings.HasPrefix(name, "go:link.pkglinkhash") ||
		strings.HasPrefix(name, "go.link.pkghash") || strings.HasPrefix(name, "go.link.pkglinkhash")
}

// machineName is the name that Go uses, else ELF's.
func machineName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_ARM:
		return "arm"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_386:
		return "386"
	case elf.EM_RISCV:
		return "riscv64"
	}
	return m.String()
}
