package build

import (
	"os"
	"path/filepath"
	"testing"
)

const alone = `
-- go.mod --
module example.test/alone

go 1.21
-- plugin/p/p.go --
package main

func Answer() int { return 41 }
-- cmd/host/main.go --
package main

import (
	"os"
	"plugin"
)

func main() { plugin.Open(os.Args[1]) }
`

// keptFile is the file in the side's build cache that is one with an artifact, or "".
func keptFile(t *testing.T, b *Builder, artifact string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.cacheRoot("a"), "*", keptDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if sameFile(f, artifact) {
			return f
		}
	}
	return ""
}

// What was linked is linked again only if something has changed, and what is kept is not believed without its digest.
func TestKept(t *testing.T) {
	b, x := world(t)
	dir := project(t, alone)
	build := func(flags ...string) *TwinResult {
		t.Helper()
		r := twins(t, b, x.job(t, tree(t, dir), "./plugin/p", append(flags, "-trimpath")...))
		if r.Failed != nil || !r.Identical {
			t.Fatalf("%+v", r)
		}
		return r
	}
	first := build()
	kept := keptFile(t, b, first.A.File)
	if kept == "" {
		t.Skip("nothing is kept here: no mount namespaces, or another file system")
	}
	if again := build(); !sameFile(again.A.File, first.A.File) || !sameFile(again.B.File, first.B.File) || sameFile(again.A.File, again.B.File) {
		t.Error("it was linked again although nothing has changed")
	}
	// Someone else's bytes.
	data, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(kept, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if again := build(); again.A.SHA256 != first.A.SHA256 {
		t.Error("a file that was changed in the cache was taken")
	}
	// Another source, and then cgo in it, of which cmd/go does not know what it links with.
	if err := os.WriteFile(filepath.Join(dir, "plugin/p/p.go"), []byte("package main\n\nfunc Answer() int { return 42 }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if edited := build(); edited.A.SHA256 == first.A.SHA256 || edited.B.SHA256 == first.B.SHA256 {
		t.Error("an edit was not seen")
	}
	if err := os.WriteFile(filepath.Join(dir, "plugin/p/c.go"), []byte("package main\n\n// int answer(void) { return 1; }\nimport \"C\"\n\nvar C1 = C.answer()\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if withC := build(); keptFile(t, b, withC.A.File) != "" {
		t.Error("a plugin with cgo was kept")
	}
	if err := os.Remove(filepath.Join(dir, "plugin/p/c.go")); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"-ldflags=-extldflags=-Wl,--hash-style=gnu"}, {"-ldflags=-linkmode=external"}} {
		if r := build(flags...); keptFile(t, b, r.A.File) != "" {
			t.Errorf("a plugin with %q was kept", flags)
		}
	}
}

// A probe is made again when its sources change.
func TestKeptProbe(t *testing.T) {
	b, x := world(t)
	dir := project(t, alone)
	probe := func() *ProbeResult {
		t.Helper()
		r, err := b.Probe(t.Context(), x.job(t, tree(t, dir), "./cmd/host", "-trimpath"))
		if err != nil || r.Failed != nil {
			t.Fatal(err, r)
		}
		return r
	}
	first := probe()
	if keptFile(t, b, first.File) == "" {
		t.Skip("nothing is kept here: no mount namespaces, or another file system")
	}
	again := probe()
	if !sameFile(again.File, first.File) || again.SHA256 != first.SHA256 || again.Types != first.Types || len(again.Packages) != len(first.Packages) {
		t.Errorf("the second time: %v %v %d packages, was %v %v %d packages", again.SHA256, again.Types, len(again.Packages), first.SHA256, first.Types, len(first.Packages))
	}
	more := "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"plugin\"\n)\n\nfunc main() { fmt.Println(plugin.Open(os.Args[1])) }\n"
	if err := os.WriteFile(filepath.Join(dir, "cmd/host/main.go"), []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	if edited := probe(); edited.SHA256 == first.SHA256 || edited.Types != FullTypes {
		t.Error("an edit was not seen")
	}
}
