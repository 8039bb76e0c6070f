package elfdiff

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var peers = flag.Bool("peers", false, "let the benchmarks measure diffoscope, and rclone's builds")

// BenchmarkCompare compares the pair of files that PLUGPROOF_BENCH_A and PLUGPROOF_BENCH_B name.
func BenchmarkCompare(b *testing.B) {
	nameA, nameB := os.Getenv("PLUGPROOF_BENCH_A"), os.Getenv("PLUGPROOF_BENCH_B")
	if nameA == "" || nameB == "" {
		b.Skip("PLUGPROOF_BENCH_A and PLUGPROOF_BENCH_B name no files")
	}
	inA, inB := openFile(b, nameA), openFile(b, nameB)
	b.SetBytes(inA.Size + inB.Size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compare(inA, inB); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPathLeak measures what it costs to say why two plugins of 5 MB differ that were built in different directories. Targets:
// under 0.3 CPU seconds (goal 0.15) and 64 MB.
func BenchmarkPathLeak(b *testing.B) {
	bu := newBuilder(b)
	noTrim := []string{"-buildvcs=false"}
	measure(b, bu.build(build{args: noTrim}), bu.build(build{dir: "a/longer/place", args: noTrim}))
}

// rclone is a host of 158 MB.
const rclone = "github.com/rclone/rclone@v1.76.0"

// BenchmarkRclone is the same for two builds of rclone. Targets: under 6 CPU seconds and 400 MB. All but rclone's own packages are
// built with -trimpath, so that only those differ, as they do in two builds by one user on one machine. With -trimpath the go command takes
// what it built in one directory for the other, too: a comment behind the end of each of the second directory's files keeps it from that.
func BenchmarkRclone(b *testing.B) {
	if !*peers {
		b.Skip("-peers builds rclone twice, which takes minutes")
	}
	if cc() == "" {
		b.Skip("there is no C compiler")
	}
	dir := b.TempDir()
	files := [2]string{}
	for i, sub := range []string{"a", "another/place"} {
		src := filepath.Join(dir, sub)
		if err := os.MkdirAll(filepath.Dir(src), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.CopyFS(src, os.DirFS(moduleDir(b, rclone))); err != nil {
			b.Fatal(err)
		}
		if i > 0 {
			comment(b, src)
		}
		files[i] = filepath.Join(dir, fmt.Sprintf("%d.exe", i))
		cmd := exec.Command("go", "build", "-o", files[i], "-trimpath", "-buildvcs=false", "-gcflags=github.com/rclone/rclone/...=-trimpath=", ".")
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "CGO_ENABLED=1", "GOTOOLCHAIN=local", "GOWORK=off", "CC="+cc())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	measure(b, files[0], files[1])
}

// comment adds a line to the end of each Go file of a tree.
func comment(b *testing.B, dir string) {
	b.Helper()
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(file, append(text, "\n// the same\n"...), 0o644)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// moduleDir is where the module cache holds a module, fetched if need be.
func moduleDir(b *testing.B, module string) string {
	b.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Env = append(os.Environ(), "GOFLAGS=-modcacherw")
	cmd.Dir = b.TempDir()
	out, err := cmd.Output()
	_, dir, ok := strings.Cut(string(out), `"Dir": "`)
	if err != nil || !ok {
		b.Skipf("%s is not here and could not be fetched: %v", module, err)
	}
	dir, _, _ = strings.Cut(dir, `"`)
	return dir
}

// measure runs plugproof diff and, with -peers, diffoscope on two files, each in a process of its own.
func measure(b *testing.B, fileA, fileB string) {
	tool := filepath.Join(b.TempDir(), "plugproof")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", tool, "../../harness/cmd/plugproof").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Run("plugproof", func(b *testing.B) {
		for b.Loop() {
			run(b, tool, "diff", fileA, fileB)
		}
	})
	b.Run("diffoscope", func(b *testing.B) {
		if !*peers {
			b.Skip("make bench-peers measures it")
		}
		if _, err := exec.LookPath("diffoscope"); err != nil {
			b.Skip("it is not installed; scripts/deps --peers installs it")
		}
		for b.Loop() {
			run(b, "diffoscope", "--no-progress", "--text", "-", fileA, fileB)
		}
	})
}

// run reports a process's CPU time, its largest resident set and the length of its output. Its children's are in its own figures.
func run(b *testing.B, name string, args ...string) {
	b.Helper()
	ctx, stop := context.WithTimeout(b.Context(), 20*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	var out counter
	cmd.Stdout = &out
	err := cmd.Run()
	if ctx.Err() != nil {
		b.ReportMetric(1, "stopped-after-20-min")
	} else if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		b.Fatalf("%s %v: %v, want exit status 1", name, args, err)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s/op")
	b.ReportMetric(float64(u.Maxrss)/1024, "MB-resident")
	b.ReportMetric(float64(out)/1e6, "MB-output")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
