package vm

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/images/rootfs"
)

// benchCPU and benchMemory try another processor or amount of memory: go test -bench Load -args -vm.cpu qemu64.
var (
	benchCPU    = flag.String("vm.cpu", "", "QEMU's -cpu for the benchmark")
	benchMemory = flag.Int("vm.memory", 0, "MiB of memory for the benchmark")
	benchAppend = flag.String("vm.append", "", "further kernel parameters for the benchmark")
	benchLoad   = flag.String("vm.load", "", "a folder with ARCH/probe and ARCH/plugin.N, to be loaded in place of a small command")
)

// BenchmarkLoad runs one small command in a clean machine, booted or restored. It reports QEMU's CPU seconds and the median of the
// wall time, both per load: the machine is prepared and saved before.
//
// A restored machine's time goes into QEMU's translation of code that the guest runs once. Other processors, 128 MiB,
// thread=single and tb-size=32 made no difference beyond the noise of 10 loads.
func BenchmarkLoad(b *testing.B) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		b.Skip("there is no go command")
	}
	cache := os.Getenv("PLUGPROOF_CACHE")
	if cache == "" {
		b.Skip("PLUGPROOF_CACHE names no cache to take kernels from")
	}
	for _, arch := range arches {
		for _, fresh := range []bool{false, true} {
			b.Run(arch+map[bool]string{false: "/restored", true: "/fresh-boot"}[fresh], func(b *testing.B) {
				libc, err := (&toolchain.Store{Cache: cache}).C(context.Background(), arch, "musl", nil)
				if err != nil {
					b.Skip(err)
				}
				m, err := Prepare(context.Background(), Setup{Arch: arch, Loader: libc.Loader, LoaderPath: libc.LoaderPath, Cache: cache, Go: goCommand, FreshBoot: fresh, MemoryMiB: *benchMemory, Userland: true, Offline: true})
				if err != nil {
					b.Skip(err)
				}
				if *benchCPU != "" {
					m.Model.CPU = map[string]string{m.Accel: *benchCPU}
				}
				m.Model.Append += " " + *benchAppend
				job := benchJob(b, arch)
				load := func() *Outcome {
					out, err := m.Run(context.Background(), job)
					if err != nil || out.Kind != Exited || out.Results[0].Exit != 0 {
						b.Fatal(err, out)
					}
					return out
				}
				load()
				var cpu time.Duration
				var walls []time.Duration
				boots := 0
				for b.Loop() {
					out := load()
					cpu, boots, walls = cpu+out.CPU, boots+out.Boots, append(walls, out.Wall)
				}
				slices.Sort(walls)
				b.ReportMetric(cpu.Seconds()/float64(b.N), "qemu-cpu-s/op")
				b.ReportMetric(walls[len(walls)/2].Seconds(), "median-wall-s")
				b.ReportMetric(float64(boots)/float64(b.N), "boots/op")
			})
		}
	}
}

// benchJob is the load that was asked for, or a small command.
func benchJob(b *testing.B, arch string) Job {
	if *benchLoad == "" {
		return Job{Commands: []guest.Command{{Path: "/bin/true", Args: []string{"true"}}}}
	}
	dir := filepath.Join(*benchLoad, arch)
	job := Job{Files: []rootfs.File{{Name: "host", Perm: 0o755, Source: filepath.Join(dir, "probe")}}}
	cmd := guest.Command{Path: "/payload/host", Args: []string{"host"}, Report: true}
	plugins, _ := filepath.Glob(filepath.Join(dir, "plugin.*"))
	for _, p := range plugins {
		job.Files = append(job.Files, rootfs.File{Name: filepath.Base(p), Perm: 0o644, Source: p})
		cmd.Args = append(cmd.Args, "/payload/"+filepath.Base(p))
	}
	job.Commands, job.Plugins = []guest.Command{cmd}, [][]string{cmd.Args[1:]}
	return job
}
