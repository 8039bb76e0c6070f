package abi

import (
	"debug/elf"

	"github.com/plugproof/plugproof/verify/goelf"
)

// machine is what the simulation must know about an architecture; a new one is a row here.
type machine struct {
	arch       string // GOARCH
	elf        elf.Machine
	class      elf.Class
	pageSize   uint64
	muslName   string   // ARCH in /etc/ld-musl-ARCH.path, to choose by; hard-float arm has its own
	glibcDirs  []string // Debian's multiarch directories and the plain ones, in the loader's order
	jumpSlot   uint32   // the relocation that musl calls REL_PLT
	copyReloc  uint32
	tpoff      []uint32
	tlsDesc    uint32
	relocTypes []uint32 // what musl's do_relocs knows (arch/*/reloc.h)
}

var machines = []machine{
	{arch: "amd64", elf: elf.EM_X86_64, class: elf.ELFCLASS64, pageSize: 4096, muslName: "x86_64",
		glibcDirs: []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"},
		jumpSlot:  7, copyReloc: 5, tpoff: []uint32{18}, tlsDesc: 36, relocTypes: []uint32{0, 1, 2, 5, 6, 7, 8, 16, 17, 18, 36}},
	{arch: "arm", elf: elf.EM_ARM, class: elf.ELFCLASS32, pageSize: 4096, muslName: "armhf",
		glibcDirs: []string{"/lib/arm-linux-gnueabihf", "/usr/lib/arm-linux-gnueabihf", "/lib", "/usr/lib"},
		jumpSlot:  22, copyReloc: 20, tpoff: []uint32{19}, tlsDesc: 13, relocTypes: []uint32{0, 2, 13, 17, 18, 19, 20, 21, 22, 23}},
	{arch: "arm64", elf: elf.EM_AARCH64, class: elf.ELFCLASS64, pageSize: 4096, muslName: "aarch64",
		glibcDirs: []string{"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"},
		jumpSlot:  1026, copyReloc: 1024, tpoff: []uint32{1030}, tlsDesc: 1031, relocTypes: []uint32{0, 257, 1024, 1025, 1026, 1027, 1028, 1029, 1030, 1031}},
	{arch: "386", elf: elf.EM_386, class: elf.ELFCLASS32, pageSize: 4096, muslName: "i386",
		glibcDirs: []string{"/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu", "/lib", "/usr/lib"},
		jumpSlot:  7, copyReloc: 5, tpoff: []uint32{14, 37}, tlsDesc: 41, relocTypes: []uint32{0, 1, 2, 5, 6, 7, 8, 14, 35, 36, 37, 41}},
	{arch: "riscv64", elf: elf.EM_RISCV, class: elf.ELFCLASS64, pageSize: 4096, muslName: "riscv64",
		glibcDirs: []string{"/lib/riscv64-linux-gnu", "/usr/lib/riscv64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"},
		jumpSlot:  5, copyReloc: 4, tpoff: []uint32{11}, tlsDesc: 12, relocTypes: []uint32{0, 2, 3, 4, 5, 7, 9, 11}},
}

func machineOf(m elf.Machine, c elf.Class) *machine {
	for i := range machines {
		if machines[i].elf == m && machines[i].class == c {
			return &machines[i]
		}
	}
	return nil
}

// MuslLoader is where programs for an architecture expect musl's loader (arch/*/reloc.h), "" for one that is not known here.
func MuslLoader(arch string) string {
	for i := range machines {
		if machines[i].arch == arch {
			return "/lib/ld-musl-" + machines[i].muslName + ".so.1"
		}
	}
	return ""
}

// Arch is the GOARCH of a file, "" when it is not known here.
func Arch(f *goelf.File) string {
	if m := machineOf(f.Machine, f.Class); m != nil {
		return m.arch
	}
	return ""
}
