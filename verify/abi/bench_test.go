package abi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// cpuSeconds is the CPU time that this process has used.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// predictLoop measures predictions that open the files anew each time, the host's digest and the comparison of code included.
func predictLoop(b *testing.B, host string, plugins []string) {
	b.ReportAllocs()
	before := cpuSeconds(b)
	n := 0
	for b.Loop() {
		n++
		h, done := OpenInput(host)
		closers := []func() error{done}
		var ins []Input
		for _, name := range plugins {
			in, done := OpenInput(name)
			ins, closers = append(ins, in), append(closers, done)
		}
		r, err := Predict(h, ins, Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range r.Plugins {
			if p.Verdict != OK {
				b.Fatalf("%s: %s", p.Path, p.Verdict)
			}
		}
		for _, c := range closers {
			c()
		}
	}
	cpu := (cpuSeconds(b) - before) / float64(n)
	b.ReportMetric(cpu, "CPU-s/op")
	b.ReportMetric(1000*cpu/float64(len(plugins)), "CPU-ms/plugin")
}

// BenchmarkPredict is a host with different plugins of about 4 MB each, of its own module, so that their code is compared, too. The target for
// nine is 0.1 s of CPU time; the time per plugin falls, for the host is read once.
func BenchmarkPredict(b *testing.B) {
	y := newYard(b, libcMusl, "musl-gcc")
	y.build("host", "base", "host", nil)
	source := string(y.read("src/base/p1/main.go"))
	var names []string
	for i := range 27 {
		pkg := fmt.Sprintf("q%d", i)
		y.write(filepath.Join("src/base", pkg, "main.go"), []byte(source))
		y.build(pkg+".so", "base", pkg, nil)
		names = append(names, filepath.Join(y.dir, pkg+".so"))
	}
	for _, n := range []int{1, 3, 9, 27} {
		b.Run(fmt.Sprintf("plugins=%d", n), func(b *testing.B) { predictLoop(b, filepath.Join(y.dir, "host"), names[:n]) })
	}
}

// BenchmarkRclone is a large host, of 158 MB, with a plugin. The directory holds the two files rclone and plugin.so, which take minutes to build.
// The targets are 0.4 s of CPU time and 100 MB.
func BenchmarkRclone(b *testing.B) {
	dir := os.Getenv("PLUGPROOF_RCLONE")
	if dir == "" {
		b.Skip("PLUGPROOF_RCLONE names no directory with rclone and plugin.so")
	}
	predictLoop(b, filepath.Join(dir, "rclone"), []string{filepath.Join(dir, "plugin.so")})
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			b.ReportMetric(kb/1024, "peak-MB")
		}
	}
}
