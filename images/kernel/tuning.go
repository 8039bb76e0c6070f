package kernel

// Advice is an option that guides to fast kernels name, and what is true of it.
type Advice struct {
	Option string `json:"option"`
	Exists bool   `json:"exists"` // in Linux 6.1
	State  string `json:"state"`  // in this kernel: y, m, n, a value, "unknown" without a configuration, "none" if there is no such option
	Effect string `json:"effect"`
	Here   string `json:"here"` // what that means for this kernel in plugproof's machines
}

// advice is what is recommended; effects as Kconfig's own help has them (init/Kconfig, kernel/time/Kconfig,
// kernel/Kconfig.hz, kernel/Kconfig.preempt, mm/Kconfig, arch/x86/Kconfig of 6.1). Here is said for the state in which the
// option costs or gives something.
var advice = []struct {
	option string
	exists bool
	effect string
	when   string // the state for which here holds; "" is any
	here   string
	other  string // for every other state
}{
	{"OPTIMIZE_FOR_PERFORMANCE", false, "no kernel has it; CC_OPTIMIZE_FOR_PERFORMANCE is meant", "", "a line in a .config that kconfig drops without a word", ""},
	{"CC_OPTIMIZE_FOR_PERFORMANCE", true, "compiles the kernel with -O2, which is the default", "y", "as usual", "the kernel is compiled for size"},
	{"CC_OPTIMIZE_FOR_SIZE", true, "compiles the kernel with -Os; a libc, musl or another, is compiled elsewhere and is not touched", "y", "a smaller and slower kernel", "as usual"},
	{"NO_HZ_IDLE", true, "stops the tick on idle processors: this is the option for idle ticks", "y", "an idle guest costs the host little", "with neither NO_HZ_IDLE nor NO_HZ_FULL an idle guest ticks"},
	{"NO_HZ_FULL", true, "stops the tick on processors that run one task, and only on those that nohz_full= names; system calls get dearer", "y", "idle processors are covered too; without nohz_full= nothing else changes", "not needed for idle ticks: NO_HZ_IDLE does that"},
	{"HZ", true, "ticks a second: 1000 lets sleepers wake sooner, 100 costs less", "1000", "each tick is emulated work: 250 or 100 costs less under software emulation", "as usual"},
	{"PREEMPT", true, "kernel code can be preempted: lower latency, lower throughput", "y", "costs a little in a machine with one task", "as usual"},
	{"PREEMPT_NONE", true, "no forced preemption: the most throughput, meant for servers", "y", "as a server has it", "as a desktop has it"},
	{"COMPILE_TEST", true, "lets drivers for other machines be chosen, so that they are compiled at all; it makes nothing faster", "y", "may have brought drivers in that this machine cannot use", "as it should be"},
	{"TRANSPARENT_HUGEPAGE", true, "huge pages without asking, as /sys/kernel/mm/transparent_hugepage/enabled says; Go's heap may take them", "y", "may use memory that is never touched; a saved machine grows by it", "as usual for small machines"},
	{"DEBUG_INFO_BTF", true, "type information for BPF, a few MB in the image", "y", "the image is larger, the speed the same", "as usual"},
	{"KASAN", true, "finds memory errors of the kernel's own; two to three times slower", "y", "far slower", "as it should be"},
	{"PROVE_LOCKING", true, "checks the order of locks; much slower", "y", "far slower", "as it should be"},
	{"SLUB_DEBUG_ON", true, "checks every allocation; slub_debug=- takes it back", "y", "slower", "as it should be"},
	{"RETPOLINE", true, "indirect jumps that speculation cannot abuse; mitigations=off leaves it compiled in, patched out", "y", "a few per cent; not worth a kernel of one's own", "faster, and open where others share the processor"},
	{"PAGE_TABLE_ISOLATION", true, "separate page tables against Meltdown, on processors that have it", "y", "software emulation shows no such processor, so that it costs nothing", "as usual"},
	{"RANDOMIZE_BASE", true, "puts the kernel at a random address: some work at boot; nokaslr takes it back", "y", "part of each cold boot, none of a restored machine", "a boot without it"},
	{"KERNEL_GZIP", true, "how the image is packed: unpacking is part of every cold boot", "y", "middling to unpack; zstd and lz4 are quicker, xz is slower", "packed otherwise"},
	{"KERNEL_XZ", true, "the smallest image and the slowest to unpack", "y", "seconds of each cold boot under software emulation", "packed otherwise"},
	{"PVH", true, "QEMU can start an unpacked vmlinux directly", "y", "vmlinux in place of bzImage saves the unpacking: 0.6 s of 3.2 s of CPU time were measured", "only the packed image starts"},
	{"MD_AUTODETECT", true, "looks for RAID at boot; raid=noautodetect takes it back", "y", "plugproof's machines say raid=noautodetect", "nothing to look for"},
	{"PSI", true, "accounts for time lost in waiting; psi=0 takes it back", "y", "a little on every switch of tasks", "as usual"},
	{"SMP", true, "more than one processor", "y", "locks that a machine with one processor patches out or does not need", "less work for the one processor that plugproof's machines have"},
	{"VIRTIO_BLK", true, "the payload disk's driver", "m", "the image carries and loads the module; built in would save a little of each cold boot", "built in: nothing to load"},
}

// Tuning judges a kernel's configuration by what is recommended for speed.
func Tuning(config map[string]string) []Advice {
	out := make([]Advice, 0, len(advice))
	for _, a := range advice {
		is := Advice{a.option, a.exists, state(config, a.option), a.effect, a.other}
		if !a.exists {
			is.State = "none"
			if v, ok := config[a.option]; ok {
				is.State = v
			}
		}
		if a.when == "" || a.when == is.State {
			is.Here = a.here
		}
		if is.State == "unknown" {
			is.Here = ""
		}
		out = append(out, is)
	}
	return out
}
