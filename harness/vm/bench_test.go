package vm

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
)

// benchCPU and benchMemory try another processor or amount of memory: go test -bench Load -args -vm.cpu qemu64.
var (
	benchCPU    = flag.String("vm.cpu", "", "QEMU's -cpu for the benchmark")
	benchMemory = flag.Int("vm.memory", 0, "MiB of memory for the benchmark")
	benchAppend = flag.String("vm.append", "", "further kernel parameters for the benchmark")
	benchLoad   = flag.String("vm.load", "", "a folder with ARCH/probe and ARCH/plugin.N, to be loaded in place of a small command")
)

// BenchmarkLoad loads a plugin into a host in a clean machine, restored or booted: -benchtime=64x does both 64 times. It reports
// QEMU's CPU seconds per load, the part of it until the guest has its order, the median of the wall time, and how much more CPU
// time a boot takes than a restore. The machine is prepared and saved before.
//
//	go test -run '^$' -bench Load -benchtime 64x ./harness/vm
//
// Boots are made side by side, one for each processor: 128 of them would not fit into go test's ten minutes.
//
// A restored machine's time goes into QEMU's translation of code that the guest runs once. Other processors, 128 MiB,
// thread=single and tb-size=32 made no difference beyond the noise of 10 loads.
func BenchmarkLoad(b *testing.B) {
	for _, arch := range arches {
		files, m := plugins(b, arch)
		m.MemoryMiB = *benchMemory
		if *benchCPU != "" {
			m.Model.CPU = map[string]string{m.Accel: *benchCPU}
		}
		m.Model.Append += " " + *benchAppend
		job := benchJob(arch, files)
		restored := 0.0
		for _, way := range []string{"restored", "fresh-boot"} {
			b.Run(arch+"/"+way, func(b *testing.B) {
				machine := *m
				if way == "fresh-boot" {
					machine.Saved = ""
				}
				side := runtime.GOMAXPROCS(0)
				if way == "restored" {
					side = 1
					if _, err := load(&machine, job); err != nil {
						b.Fatal(err)
					}
				}
				var mu sync.Mutex
				var cpu, ready time.Duration
				var walls []time.Duration
				boots := 0
				var group errgroup.Group
				group.SetLimit(side)
				b.ResetTimer()
				for range b.N {
					group.Go(func() error {
						out, err := load(&machine, job)
						if err != nil {
							return err
						}
						mu.Lock()
						defer mu.Unlock()
						cpu, ready, boots, walls = cpu+out.CPU, ready+out.ReadyCPU, boots+out.Boots, append(walls, out.Wall)
						return nil
					})
				}
				if err := group.Wait(); err != nil {
					b.Fatal(err)
				}
				slices.Sort(walls)
				each := cpu.Seconds() / float64(b.N)
				b.ReportMetric(each, "qemu-cpu-s/op")
				b.ReportMetric(ready.Seconds()/float64(b.N), "ready-cpu-s/op")
				b.ReportMetric(walls[len(walls)/2].Seconds(), "median-wall-s")
				b.ReportMetric(float64(boots)/float64(b.N), "boots/op")
				if way == "restored" {
					restored = each
				} else if restored > 0 {
					b.ReportMetric(each/restored, "x-restored")
				}
			})
		}
	}
}

// load makes a load that must be ok.
func load(m *Machine, job Job) (*Outcome, error) {
	out, err := m.Run(context.Background(), job)
	if err != nil {
		return nil, err
	}
	if out.Kind != Exited || out.Results[0].Exit != 0 || out.Results[0].Plugins[0].Outcome != "ok" {
		return nil, fmt.Errorf("the load ended as %s: %s", out.Kind, out.Error)
	}
	return out, nil
}

// benchJob is the load that was asked for, or that of the test's own host and plugin.
func benchJob(arch string, files []rootfs.File) Job {
	cmd := guest.Command{Path: "/payload/host", Args: []string{"/payload/host", "/payload/p.so"}, Report: true}
	if *benchLoad != "" {
		dir := filepath.Join(*benchLoad, arch)
		files = []rootfs.File{{Name: "host", Perm: 0o755, Source: filepath.Join(dir, "probe")}}
		cmd.Args = cmd.Args[:1]
		plugins, _ := filepath.Glob(filepath.Join(dir, "plugin.*"))
		for _, p := range plugins {
			files = append(files, rootfs.File{Name: filepath.Base(p), Perm: 0o644, Source: p})
			cmd.Args = append(cmd.Args, "/payload/"+filepath.Base(p))
		}
	}
	return Job{Files: files, Commands: []guest.Command{cmd}, Plugins: [][]string{cmd.Args[1:]}}
}
