package abi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What the compiler may use at each level beyond the baseline (https://go.dev/wiki/MinimumRequirements; cmd/compile).
var (
	amd64Levels = []string{"", "v1", "v2 (SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT, CMPXCHG16B)", "v3 (AVX, AVX2, BMI1, BMI2, FMA, LZCNT, MOVBE, OSXSAVE)", "v4 (AVX512F, AVX512BW, AVX512CD, AVX512DQ, AVX512VL)"}
	armLevels   = map[int]string{6: "6 (ARMv6, VFPv2)", 7: "7 (ARMv7, VFPv3)"}
)

// requires lists what a file's code needs of a processor: "GOAMD64=v3", "GOARM=7". Nothing for the baseline, and for what does not say.
func requires(o *object) []string {
	switch {
	case o.setting("GOAMD64") > "v1":
		return []string{"GOAMD64=" + o.setting("GOAMD64")}
	case o.setting("GOARM") != "" && o.setting("GOARM") != "5" && !strings.HasSuffix(o.setting("GOARM"), ",softfloat"):
		return []string{"GOARM=" + o.setting("GOARM")}
	}
	return []string{}
}

// cpu is what a processor of QEMU's can do, as the level of GOAMD64 or GOARM that it reaches.
type cpu struct {
	arch  string
	level int
}

// cpus are QEMU's processors by name (qemu-system-x86_64 -cpu help; target/i386/cpu.c, target/arm). What is not here is not known.
var cpus = map[string]cpu{
	"qemu32": {"386", 0}, "qemu64": {"amd64", 1}, "kvm64": {"amd64", 1}, "core2duo": {"amd64", 1}, "phenom": {"amd64", 1},
	"Opteron_G1": {"amd64", 1}, "Opteron_G2": {"amd64", 1}, "Opteron_G3": {"amd64", 1}, "Conroe": {"amd64", 1}, "Penryn": {"amd64", 1},
	"Nehalem": {"amd64", 2}, "Westmere": {"amd64", 2}, "SandyBridge": {"amd64", 2}, "IvyBridge": {"amd64", 2},
	"Opteron_G4": {"amd64", 2}, "Opteron_G5": {"amd64", 2}, "Denverton": {"amd64", 2}, "Snowridge": {"amd64", 2},
	"Haswell": {"amd64", 3}, "Broadwell": {"amd64", 3}, "EPYC": {"amd64", 3}, "EPYC-Rome": {"amd64", 3}, "EPYC-Milan": {"amd64", 3},
	"Skylake-Client": {"amd64", 3}, "Skylake-Server": {"amd64", 4}, "Cascadelake-Server": {"amd64", 4}, "Icelake-Server": {"amd64", 4},
	"SapphireRapids": {"amd64", 4}, "EPYC-Genoa": {"amd64", 4}, "max": {"amd64", 3}, "base": {"amd64", 1},
	"arm926": {"arm", 5}, "arm946": {"arm", 5}, "arm1026": {"arm", 5}, "arm1136": {"arm", 6}, "arm1176": {"arm", 6}, "arm11mpcore": {"arm", 6},
	"cortex-a7": {"arm", 7}, "cortex-a8": {"arm", 7}, "cortex-a9": {"arm", 7}, "cortex-a15": {"arm", 7},
}

// ParseCPU reads a target's processor: a level ("GOAMD64=v1", "GOARM=6") or a name of QEMU's, with the features after a comma left out. It
// reports whether it is known.
func ParseCPU(name string) (arch string, level int, known bool) {
	if v, ok := strings.CutPrefix(name, "GOAMD64=v"); ok {
		n, err := strconv.Atoi(v)
		return "amd64", n, err == nil && n >= 1 && n <= 4
	}
	if v, ok := strings.CutPrefix(name, "GOARM="); ok {
		n, err := strconv.Atoi(v)
		return "arm", n, err == nil && n >= 5 && n <= 7
	}
	name, _, _ = strings.Cut(name, ",")
	c, ok := cpus[name]
	if !ok {
		name, _, _ = strings.Cut(name, "-v") // Haswell-v4
		c, ok = cpus[name]
	}
	return c.arch, c.level, ok
}

// lacks says what of a file's needs the target's processor does not have, "" when it has all or nothing is known of it.
func (p *process) lacks(o *object) string {
	arch, level, known := ParseCPU(p.opt.CPU)
	if !known || arch != p.mach.arch {
		return ""
	}
	for _, need := range requires(o) {
		key, value, _ := strings.Cut(need, "=")
		value, _, _ = strings.Cut(strings.TrimPrefix(value, "v"), ",")
		n, err := strconv.Atoi(value)
		if err != nil || n <= level {
			continue
		}
		what := value
		if key == "GOAMD64" && n < len(amd64Levels) {
			what = amd64Levels[n]
		} else if s, ok := armLevels[n]; ok && key == "GOARM" {
			what = s
		}
		return fmt.Sprintf("built with %s=%s, and the target's processor %s reaches %s only", key, what, p.opt.CPU, levelName(key, level))
	}
	return ""
}

func levelName(key string, level int) string {
	if key == "GOAMD64" {
		return "v" + strconv.Itoa(level)
	}
	return strconv.Itoa(level)
}

// CPUs are the names that ParseCPU knows, sorted.
func CPUs() []string {
	var out []string
	for name := range cpus {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
