package build

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/harness/plan"
)

// TestSourcesElsewhere: a directory that go.mod names by an absolute path and the shipped files are sources, too, whatever is there.
func TestSourcesElsewhere(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(dir, "away")
	extract(t, dir, "-- m/p/go.mod --\nmodule m\n-- real/a.go --\npackage a\n-- real/.git/x --\n1\n-- dist/host --\n1\n")
	mod := "module m\nreplace x => " + away + "\nreplace y => " + filepath.Join(dir, "gone") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "m/p/go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", away); err != nil {
		t.Fatal(err)
	}
	c := plan.Cell{Project: &plan.Project{Dir: filepath.Join(dir, "m/p")}, HostJob: plan.Job{File: "../../dist/host"},
		Plugins: []plan.PluginJob{{Job: plan.Job{File: "../../dist/p.so"}}, {Job: plan.Job{Package: "./x"}}}}
	sum := func() string {
		tr, err := TreeOf(c)
		if err != nil {
			t.Fatal(err)
		}
		d, err := tr.Sources()
		if err != nil {
			t.Fatal(err)
		}
		return string(d)
	}
	write := func(name, text string) func() error {
		return func() error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	first := sum()
	for _, tt := range []struct {
		name    string
		change  func() error
		differs bool
	}{
		{"nothing", func() error { return nil }, false},
		{"a file of the directory", write("real/a.go", "package b"), true},
		{"its version control", write("real/.git/x", "2"), false},
		{"the host", write("dist/host", "2"), true},
		{"a plugin that was not there", write("dist/p.so", ""), true},
		{"a pipe in its place", func() error {
			os.Remove(filepath.Join(dir, "dist/p.so"))
			return syscall.Mkfifo(filepath.Join(dir, "dist/p.so"), 0o644)
		}, true},
		{"the directory is gone", func() error { return os.Remove(away) }, true},
	} {
		if err := tt.change(); err != nil {
			t.Fatal(err)
		}
		now := sum()
		if (now != first) != tt.differs {
			t.Errorf("%s: differs %v", tt.name, now != first)
		}
		first = now
	}
}
