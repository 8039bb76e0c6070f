package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestColdAndPrune(t *testing.T) {
	b, x := world(t)
	b.Cache = t.TempDir()
	b.Now = func() time.Time { return time.Now() }
	j := x.job(t, tree(t, project(t, small)), "./plugin/greet", quiet...)
	if testing.Short() {
		t.Skip()
	}
	j.Command = []string{"sh", "-c", "exit 1"} // caches are opened, nothing is compiled
	b.Cold = true
	for range 2 {
		if r := twins(t, b, j); r.Failed == nil {
			t.Fatal("built")
		}
	}
	all, err := b.Caches()
	if err != nil || len(all) != 2 || all[0].Side == all[1].Side {
		t.Fatalf("%v %+v", err, all)
	}
	marked := filepath.Join(all[0].Path, "mark")
	if err := os.WriteFile(marked, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	twins(t, b, j)
	if _, err := os.Stat(marked); err != nil {
		t.Error("a cold builder threw its cache away twice")
	}
	fresh := &Builder{Cache: b.Cache, Scratch: b.Scratch, ModCache: b.ModCache, Now: b.Now, Cold: true}
	twins(t, fresh, j)
	if _, err := os.Stat(marked); err == nil {
		t.Error("a cold builder used an old cache")
	}
	if err := b.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if all, _ := b.Caches(); len(all) > 0 {
		t.Logf("%+v", all)
		for _, c := range all {
			if c.Size > 0 {
				t.Error("not pruned")
			}
		}
	}
}

func TestCacheNameHoldsTheWholeToolchain(t *testing.T) {
	b := &Builder{Cache: t.TempDir(), Now: time.Now}
	base := Job{Arch: "amd64"}
	base.Go.Digest, base.C.Digest = digest("go"), digest("c")
	names := map[string]string{}
	for name, change := range map[string]func(*Job){
		"base": func(*Job) {}, "go": func(j *Job) { j.Go.Digest = digest("other go, same version") },
		"libc": func(j *Job) { j.C.Digest = digest("other libc, same banner") }, "arch": func(j *Job) { j.Arch = "arm" },
		"a variable that the C compiler reads": func(j *Job) { j.Env = map[string]string{"SOURCE_DATE_EPOCH": "1"} },
		"another value of it":                  func(j *Job) { j.Env = map[string]string{"SOURCE_DATE_EPOCH": "2"} },
	} {
		for _, side := range sideNames {
			j := base
			change(&j)
			dir, warm, release, err := b.gocache(t.Context(), j, j.usual(side))
			if err != nil || warm {
				t.Fatal(err, warm)
			}
			release()
			if was, twice := names[dir]; twice {
				t.Errorf("%s and %s on side %s share %s", was, name, side, dir)
			}
			names[dir] = name
		}
	}
	base.C.Digest = ""
	if _, _, _, err := b.gocache(t.Context(), base, base.usual("a")); err == nil {
		t.Error("an unknown C toolchain has a cache")
	}
}
