package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/vm"
)

// TestWhatAGoTestWritesComesBack changes the flags, and takes from the guest what they name and nothing else.
func TestWhatAGoTestWritesComesBack(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"cover", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{dir: dir}
	tree := a.newGuestTree()
	args, list, err := a.testOutputs(tree, []string{"x.test", "-test.v", "-test.cpuprofile=cpu", "--test.trace=" + dir + "/trace", "-test.memprofile=/dev/null",
		"-test.outputdir=" + dir + "/out", "-test.gocoverdir=" + dir + "/cover", "-test.fuzz=F", "-cpuprofile=own"}, ".")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"x.test", "-test.v", "-test.cpuprofile=/payload/back/0/cpu", "-test.trace=/payload/back/1/trace", "-test.memprofile=/dev/null",
		"-test.outputdir=/payload/work", "-test.gocoverdir=/payload/back/2", "-test.fuzz=F", "-cpuprofile=own"}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	file := func(folder int, name string) vm.Kept { return vm.Kept{Folder: folder, Name: name, Data: []byte(name)} }
	if err := os.WriteFile(filepath.Join(dir, "cover", "old"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err = a.bringBack(list, vm.Result{Kept: []vm.Kept{file(0, "cpu"), file(0, "more"), file(1, "trace"), file(2, "covmeta"), file(2, "old"), file(3, "F/1"), file(9, "none")}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			raw, _ := os.ReadFile(name)
			rel, _ := filepath.Rel(dir, name)
			got[rel] = string(raw)
		}
		return err
	})
	if diff := cmp.Diff(map[string]string{"out/cpu": "cpu", "trace": "trace", "cover/covmeta": "covmeta", "cover/old": "", "testdata/fuzz/F/1": "F/1"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, name := range []string{"../x", "/x", "a/../../x"} {
		if err := a.bringBack(list, vm.Result{Kept: []vm.Kept{file(2, name)}}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
