package toolchain

import "debug/elf"

// row is one architecture with one libc. arm64 is a row to be added, with aarch64-linux-gnu-gcc and an input musl-arm64.
type row struct {
	arch, libc string
	env        []string    // of every build, besides CC and CGO_ENABLED
	cc         string      // the spelling of CC
	real       string      // the compiler that our wrapper runs; "" if cc is a command of the system
	flags      []string    // what the wrapper puts first, so that a project's own flags win
	input      string      // the directory under Cache/inputs with include/ and lib/; "" if the system has the libc
	loader     string      // the libc's dynamic loader here, if the system has it
	loaderPath string      // PT_INTERP
	machine    elf.Machine // of loader
	pkg        string      // the Debian package that brings cc or real
}

// rows are the C toolchains that plugproof knows. Loader paths: musl's configure and arch/*/reloc.h.
var rows = []row{
	{
		arch: "amd64", libc: "musl", env: []string{"GOOS=linux", "GOARCH=amd64", "GOAMD64=v1"},
		cc: "musl-gcc", pkg: "musl-tools",
		loader: "/lib/ld-musl-x86_64.so.1", loaderPath: "/lib/ld-musl-x86_64.so.1", machine: elf.EM_X86_64,
	},
	{
		arch: "arm", libc: "musl", env: []string{"GOOS=linux", "GOARCH=arm", "GOARM=7"},
		cc: "plugproof-musl-arm-gcc", real: "arm-linux-gnueabihf-gcc", pkg: "gcc-arm-linux-gnueabihf",
		flags: []string{"-march=armv7-a", "-mfpu=vfpv3-d16", "-mfloat-abi=hard"}, input: "musl-armhf",
		loaderPath: "/lib/ld-musl-armhf.so.1", machine: elf.EM_ARM,
	},
}

func findRow(arch, libc string) (row, bool) {
	for _, r := range rows {
		if r.arch == arch && r.libc == libc {
			return r, true
		}
	}
	return row{}, false
}

// Arches are the architectures for which there is a C toolchain with that libc.
func Arches(libc string) []string {
	var out []string
	for _, r := range rows {
		if r.libc == libc {
			out = append(out, r.arch)
		}
	}
	return out
}
