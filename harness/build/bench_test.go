package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
// times one plain build, where that costs a second or more (edit-large), and 1.4 times its wall time. After an edit both use the caches of
// this machine, or what is copied from them, so that nothing is compiled that the edit does not ask for.
func BenchmarkTwins(b *testing.B) {
	bu, x := world(b)
	lasting := bu.Cache
	for _, name := range []string{"cold", "cold-in-turn", "edit", "edit-large"} {
		cold := !strings.HasPrefix(name, "edit")
		b.Run(name, func(b *testing.B) {
			bu.Slots = nil
			if name == "cold-in-turn" {
				bu.Slots = semaphore.NewWeighted(1)
			}
			files := small
			if name == "edit-large" {
				files += "-- plugin/greet/large.go --\npackage main\n\nimport (\n\t\"encoding/json\"\n\t\"go/parser\"\n\t\"html/template\"\n\t\"net/http\"\n)\n\nvar Large = []any{http.Get, json.Marshal, template.New, parser.ParseFile}\n"
			}
			dir := project(b, files)
			bu.Cache, bu.Scratch = lasting, b.TempDir()
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
				tr, err := NewTree(dir, nil)
				if err != nil {
					b.Fatal(err)
				}
				j.Tree = tr
				if r, err := bu.Twins(b.Context(), j); err != nil || !r.Identical {
					b.Fatalf("%v %+v", err, r)
				}
				store, _, release, err := bu.gocache(b.Context(), j, usual("a"))
				if err != nil {
					b.Fatal(err)
				}
				for i := range 256 {
					part := fmt.Sprintf("%02x", i)
					if err := clone(filepath.Join(store, part), filepath.Join(cache, part)); err != nil {
						b.Fatal(err)
					}
				}
				release()
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
