package elfinfo

import (
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
)

// arch is what an xbps architecture means for the files in its packages.
type arch struct {
	machine  elf.Machine
	class    elf.Class
	data     elf.Data
	musl     []string // base names of musl's loader
	glibc    []string // base names of glibc's loader
	maxV     int      // highest Tag_CPU_arch, 0 if it does not matter
	hardABI  bool
	goodName string
}

// arches are those of xbps's data/_xbps; each exists with the suffix -musl too.
var arches = map[string]arch{
	"i686":     {elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB, []string{"ld-musl-i386.so.1"}, []string{"ld-linux.so.2"}, 0, false, "32-bit x86"},
	"x86_64":   {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB, []string{"ld-musl-x86_64.so.1"}, []string{"ld-linux-x86-64.so.2"}, 0, false, "x86_64"},
	"armv5tel": {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB, []string{"ld-musl-arm.so.1"}, []string{"ld-linux.so.3"}, 5, false, "ARM v5"},
	"armv6l":   {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB, []string{"ld-musl-armhf.so.1"}, []string{"ld-linux-armhf.so.3"}, 9, true, "ARM v6"},
	"armv7l":   {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB, []string{"ld-musl-armhf.so.1"}, []string{"ld-linux-armhf.so.3"}, 13, true, "ARM v7"},
	"aarch64":  {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB, []string{"ld-musl-aarch64.so.1"}, []string{"ld-linux-aarch64.so.1"}, 0, false, "AArch64"},
	"ppc":      {elf.EM_PPC, elf.ELFCLASS32, elf.ELFDATA2MSB, []string{"ld-musl-powerpc.so.1"}, []string{"ld.so.1"}, 0, false, "32-bit PowerPC"},
	"ppc64":    {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB, []string{"ld-musl-powerpc64.so.1"}, []string{"ld64.so.1", "ld64.so.2"}, 0, false, "64-bit PowerPC"},
	"ppc64le":  {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB, []string{"ld-musl-powerpc64le.so.1"}, []string{"ld64.so.2"}, 0, false, "64-bit little-endian PowerPC"},
	"riscv64":  {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB, []string{"ld-musl-riscv64.so.1"}, []string{"ld-linux-riscv64-lp64d.so.1"}, 0, false, "64-bit RISC-V"},
}

// Mismatch is one way in which a file does not fit its package.
type Mismatch struct{ Class, Text string }

// The classes of Mismatch.
const (
	WrongMachine = "elf-machine" // another processor
	WrongLibc    = "elf-libc"    // another libc than the package's
	WrongFloat   = "elf-float"   // another float ABI
	WrongLoader  = "elf-loader"  // an interpreter that is neither libc's
	WrongLevel   = "elf-level"   // a newer version of the processor
	UnknownArch  = "elf-arch"    // an architecture that xbps does not have: nothing can fit it
)

// Known reports whether an xbps architecture is in the table; noarch is not.
func Known(architecture string) bool {
	_, ok := arches[strings.TrimSuffix(architecture, "-musl")]
	return ok
}

// e_flags of ARM, EABI version 5 (ELF for the Arm Architecture, section 5.2).
const (
	armEABI5 = 0x05000000
	armSoft  = 0x200
	armHard  = 0x400
)

// Check compares a file with a package's architecture, such as "armv7l-musl". Nothing is said of noarch.
func (i *Info) Check(architecture string) []Mismatch {
	base, musl := strings.CutSuffix(architecture, "-musl")
	a, ok := arches[base]
	if architecture == "noarch" {
		return nil
	}
	if !ok {
		return []Mismatch{{UnknownArch, fmt.Sprintf("the package is for %q, and xbps has no such architecture", architecture)}}
	}
	var out []Mismatch
	add := func(class, format string, args ...any) {
		out = append(out, Mismatch{class, fmt.Sprintf(format, args...)})
	}
	if i.Machine != a.machine || i.Class != a.class || i.Data != a.data {
		add(WrongMachine, "a file for %s (%s, %s), the package is for %s", i.Machine, i.Class, i.Data, a.goodName)
		return out
	}
	if a.hardABI {
		soft := i.Flags&0xff000000 == armEABI5 && i.Flags&armSoft != 0
		hard := i.Flags&0xff000000 == armEABI5 && i.Flags&armHard != 0
		loader := path.Base(i.Interp)
		if soft || !hard && (loader == "ld-linux.so.3" || loader == "ld-musl-arm.so.1") {
			add(WrongFloat, "a soft-float file, the package is for hard float")
		}
	}
	if a.maxV > 0 && i.HasAttributes && i.CPUArch > a.maxV {
		add(WrongLevel, "a file for %s, the package is for %s", armLevel(i.CPUArch), a.goodName)
	}
	i.checkLibc(a, musl, add)
	return out
}

// checkLibc looks at the interpreter, the needed libraries and the symbol versions. The name libc.so.6 alone proves
// nothing: musl takes it as itself.
func (i *Info) checkLibc(a arch, musl bool, add func(class, format string, args ...any)) {
	mine, other := a.glibc, a.musl
	name, otherName := "glibc", "musl"
	if musl {
		mine, other = a.musl, a.glibc
		name, otherName = otherName, name
	}
	loader := path.Base(i.Interp)
	switch {
	case i.Interp == "" || slices.Contains(mine, loader):
	case slices.Contains(other, loader) || strings.HasPrefix(loader, "ld-linux") && musl || strings.HasPrefix(loader, "ld-musl-") && !musl:
		add(WrongLibc, "a program that asks for %s's loader %s, the package is for %s", otherName, i.Interp, name)
	case a.hardABI && (loader == "ld-linux.so.3" || loader == "ld-musl-arm.so.1"): // said as float ABI
	default:
		add(WrongLoader, "a program that asks for the loader %s, want %s", i.Interp, mine[0])
	}
	for _, n := range i.Needed {
		switch {
		case musl && (strings.HasPrefix(n, "ld-linux") || strings.HasPrefix(n, "ld64.so")),
			!musl && (n == "libc.so" || strings.HasPrefix(n, "libc.musl-") || strings.HasPrefix(n, "ld-musl-")):
			add(WrongLibc, "needs %s of %s, the package is for %s", n, otherName, name)
		}
	}
	if !musl {
		return
	}
	var glibc []string
	for _, v := range i.Versions {
		if strings.HasPrefix(v, "GLIBC_") {
			glibc = append(glibc, v)
		}
	}
	if len(glibc) > 0 {
		add(WrongLibc, "needs the symbol version %s of glibc, the package is for musl", slices.MaxFunc(glibc, xbps.CompareVersions))
	}
}

// armLevel names a Tag_CPU_arch.
func armLevel(n int) string {
	names := []string{"pre-v4", "v4", "v4T", "v5T", "v5TE", "v5TEJ", "v6", "v6KZ", "v6T2", "v6K", "v7", "v6-M", "v6S-M", "v7E-M", "v8"}
	if n >= 0 && n < len(names) {
		return "ARM " + names[n]
	}
	return fmt.Sprintf("ARM with Tag_CPU_arch %d", n)
}
