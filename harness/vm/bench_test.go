package vm

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// benchCPU and benchMemory try another processor or amount of memory: go test -bench Load -args -vm.cpu qemu64.
var (
	benchCPU    = flag.String("vm.cpu", "", "QEMU's -cpu for the benchmark")
	benchMemory = flag.Int("vm.memory", 0, "MiB of memory for the benchmark")
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
				m, err := Prepare(context.Background(), Setup{Arch: arch, Cache: cache, Go: goCommand, FreshBoot: fresh, MemoryMiB: *benchMemory, Userland: true, Offline: true})
				if err != nil {
					b.Skip(err)
				}
				if *benchCPU != "" {
					m.Model.CPU = map[string]string{m.Accel: *benchCPU}
				}
				job := Job{Commands: []guest.Command{{Path: "/bin/true", Args: []string{"true"}}}}
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
