package inquiry

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/harness/vary"
)

func TestMain(m *testing.M) {
	proc.Main()
	os.Exit(m.Run())
}

// world is a builder and a job with the real tools.
func world(t testing.TB, archive string) (*build.Builder, build.Job) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds for real: tens of CPU seconds on an empty cache")
	}
	cache := os.Getenv("PLUGPROOF_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip("no cache directory: ", err)
		}
		cache = filepath.Join(dir, "plugproof")
	}
	s := &toolchain.Store{Cache: cache, Offline: true}
	g, err := s.Go(t.Context(), "path:"+runtime.GOROOT())
	if err != nil {
		t.Skip("no toolchain: ", err)
	}
	c, err := s.C(t.Context(), "amd64", "musl", nil)
	if err != nil {
		t.Skip("no C toolchain: ", err)
	}
	dir := filepath.Join(t.TempDir(), "project")
	for _, f := range txtar.Parse([]byte("-- go.mod --\nmodule example.test/leak\n\ngo 1.21\n" + archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := build.NewTree(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &build.Builder{Cache: filepath.Join(cache, "build"), Scratch: t.TempDir(), ModCache: filepath.Join(cache, "mod"), Now: time.Now}
	return b, build.Job{Tree: tree, Subject: "plugin", Plugin: true, Package: "./p", Arch: "amd64", Go: g, C: c, Flags: []string{"-trimpath", "-buildvcs=false"},
		Env: map[string]string{"GOAMD64": "v1"}, Out: t.TempDir(), Name: "out"}
}

const plain = "-- p/main.go --\npackage main\n\nvar Stamp = \"none\"\n\nfunc F() string { return Stamp }\n"

// found is what a test expects of a report.
type found struct {
	Steady bool
	Groups [][]string
	IDs    []string
	Proven []bool
	Fixed  string // the fix's text, "" for none
}

// Scenarios in scripts/ show more: a path alone, two variations together, a generator that draws lots.
func TestTwins(t *testing.T) {
	for _, tt := range []struct {
		name, archive string
		job           func(*build.Job)
		want          found
	}{
		{"clock and path", plain, func(j *build.Job) {
			j.Flags = []string{"-buildvcs=false", "-ldflags=-X main.Stamp={{cmd:date +%s}}"}
			j.Vary = vary.Of(vary.Path, vary.Umask)
		}, found{false, [][]string{nil, {"path"}}, []string{"embedded-time", "build-path"}, []bool{true, true}, "leave the output of {{cmd:...}} out, build with -trimpath"}},
		{"__TIME__", "-- p/main.go --\npackage main\n\n// static const char *when(void) { return __TIME__; }\nimport \"C\"\n\nfunc F() string { return C.GoString(C.when()) }\n", func(*build.Job) {},
			found{false, [][]string{nil}, []string{"embedded-time"}, []bool{true}, "set SOURCE_DATE_EPOCH to a fixed time, for there is no commit"}},
		{"spelling of CC", "-- p/main.go --\npackage main\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nfunc F() int { return int(C.one()) }\n", func(j *build.Job) {
			j.Vary = vary.Of(vary.CC, vary.Umask)
		}, found{true, [][]string{{"cc"}}, []string{"cc-identity"}, []bool{true}, "build with -ldflags=-buildid="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, j := world(t, tt.archive)
			tt.job(&j)
			r, err := b.Twins(t.Context(), j)
			if err != nil || r.Failed != nil || r.Identical {
				t.Fatalf("%v %+v", err, r)
			}
			rep, err := Twins(t.Context(), b, j, r, Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			got := found{Steady: rep.Steady}
			for _, g := range rep.Groups {
				got.Groups = append(got.Groups, g.Variations)
				for _, c := range g.Causes {
					got.IDs = append(got.IDs, c.ID)
					got.Proven = append(got.Proven, c.Proven)
					t.Logf("%s: %s (action %q, input %q, cascade %d, tried %q)", c.ID, c.Evidence, c.Action, c.Input, c.Cascade, c.Tried)
				}
			}
			if rep.Fix != nil {
				got.Fixed = rep.Fix.Text
				t.Logf("fix: %q %q", rep.Fix.Flags, rep.Fix.Env)
			}
			t.Logf("%d builds, %.1f CPU s, short %q", rep.Builds, rep.CPU, rep.Short)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestBuildsOnOneSideOnly(t *testing.T) {
	b, j := world(t, plain)
	j.Before = [][]string{{"sh", "-c", `[ "$(umask)" = 0022 ] || { echo "a strange umask"; exit 1; }`}}
	r, err := b.Twins(t.Context(), j)
	if err != nil || r.Failed == nil || r.Failed.Side != "b" {
		t.Fatalf("%v %+v", err, r)
	}
	rep, err := Twins(t.Context(), b, j, r, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Steady || len(rep.Groups) != 1 || !cmp.Equal(rep.Groups[0].Variations, []string{vary.Umask}) || !rep.Met {
		t.Errorf("%+v", rep)
	}
	if c := rep.Groups[0].Causes[0]; c.ID != unknown || !strings.Contains(c.Evidence, "a strange umask") || rep.Fix != nil {
		t.Errorf("%+v", c)
	}
}
