package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/plugproof/plugproof/harness/proc"
)

// plainBuild is what a person would do: go build in the project, with a build cache.
func plainBuild(b *testing.B, x tools, dir, cache string) proc.Result {
	b.Helper()
	home := b.TempDir()
	env := append([]string{"HOME=" + home, "GOCACHE=" + cache, "GOMODCACHE=" + filepath.Join(home, "mod"), "GOTOOLCHAIN=local", "GOPROXY=off", "GOWORK=off", "GOAMD64=v1",
		"PATH=" + filepath.Join(x.g.GOROOT, "bin") + ":" + filepath.Join(x.c["amd64"].Path...) + ":/usr/bin:/bin"}, x.c["amd64"].Env...)
	res, err := proc.Run(b.Context(), proc.Cmd{Path: filepath.Join(x.g.GOROOT, "bin", "go"), Dir: dir, Env: env,
		Args: []string{"build", "-buildmode=plugin", "-trimpath", "-buildvcs=false", "-o", filepath.Join(home, "out.so"), "./plugin/greet"}})
	if err != nil || !res.OK() {
		b.Fatal(res, err)
	}
	return res
}

// BenchmarkTwins measures both in turn and reports the ratio of their CPU times. Targets: cold 1.05 times two plain builds; after an edit 2.2
// times one plain build, where that costs a second or more, and 1.4 times its wall time.
func BenchmarkTwins(b *testing.B) {
	bu, x := world(b)
	for _, name := range []string{"cold", "cold-in-turn", "edit"} {
		cold := name != "edit"
		b.Run(name, func(b *testing.B) {
			bu.Slots = nil
			if name == "cold-in-turn" {
				bu.Slots = semaphore.NewWeighted(1)
			}
			dir := project(b, small)
			bu.Cache, bu.Scratch = b.TempDir(), b.TempDir()
			cache := b.TempDir()
			j := x.job(b, nil, "./plugin/greet", "-trimpath", "-buildvcs=false")
			source := filepath.Join(dir, "plugin", "greet", "greet.go")
			edit := func() {
				data, err := os.ReadFile(source)
				if err == nil {
					err = os.WriteFile(source, append(data, "\nfunc init() { println(`"+time.Now().String()+"`) }\n"...), 0o644)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			var sideA, sideB float64
			once := func() (twin, plain, twinWall, plainWall float64) {
				start := time.Now()
				res := plainBuild(b, x, dir, cache)
				plainWall = time.Since(start).Seconds()
				tr, err := NewTree(dir, nil)
				if err != nil {
					b.Fatal(err)
				}
				j.Tree = tr
				start = time.Now()
				r, err := bu.Twins(b.Context(), j)
				if err != nil || !r.Identical {
					b.Fatalf("%v %+v", err, r)
				}
				sideA, sideB = sideA+r.A.CPU.Seconds(), sideB+r.B.CPU.Seconds()
				return r.CPU().Seconds(), res.CPU().Seconds(), time.Since(start).Seconds(), plainWall
			}
			if !cold {
				once()
				sideA, sideB = 0, 0
			}
			var twin, plain, twinWall, plainWall float64
			for b.Loop() {
				if cold {
					bu.Cache, cache = b.TempDir(), b.TempDir()
				} else {
					edit()
				}
				t, p, tw, pw := once()
				twin, plain, twinWall, plainWall = twin+t, plain+p, twinWall+tw, plainWall+pw
			}
			n := float64(b.N)
			b.ReportMetric(sideA/n, "a-cpu-s")
			b.ReportMetric(sideB/n, "b-cpu-s")
			b.ReportMetric(plain/n, "plain-cpu-s")
			b.ReportMetric(twin/plain, "cpu-ratio")
			b.ReportMetric(twinWall/plainWall, "wall-ratio")
		})
	}
}
