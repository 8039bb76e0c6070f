package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
)

// A Go test's binary is told by its flags where to write coverage data, profiles and the like: to files and folders of this
// machine, which the guest does not have. Each such flag is given a folder of the guest's, and what the program leaves there
// comes back to the place that was meant.

// backDir is the folder of the payload that holds them.
const backDir = "back"

// outputFiles are the flags of package testing that name a file to be written, outputFolders those that name a folder
// (src/testing/testing.go, fuzz.go).
var (
	outputFiles   = []string{"coverprofile", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace", "testlogfile"}
	outputFolders = []string{"gocoverdir", "fuzzcachedir"}
)

// back is where the files of one of the guest's folders go.
type back struct {
	guest string // the folder in the guest
	here  string // the folder here
	name  string // the only file of it that is taken; "" is all that are not here yet
}

// testOutputs changes the flags of a Go test that name places to write to, and puts the folders that take their place into the
// tree. dir is the package's folder: an input that a fuzz test fails with is written into it.
func (a *app) testOutputs(tree *guestTree, args []string, dir string) ([]string, []back, error) {
	args = slices.Clone(args)
	outputDir, fuzzes := "", false
	flags := map[int][2]string{} // by their index: name and value
	for i, arg := range args[1:] {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if name, ok2 := strings.CutPrefix(name, "test."); ok && ok2 && strings.HasPrefix(arg, "-") && value != "" {
			flags[i+1] = [2]string{name, value}
			switch name {
			case "outputdir":
				outputDir = value
			case "fuzz":
				fuzzes = true
			}
		}
	}
	var list []back
	folder := func(here, only string) (string, error) {
		place := path.Join(backDir, fmt.Sprint(len(list)))
		tree.files[place] = rootfs.File{Name: place, Dir: true, Perm: 0o755}
		list = append(list, back{path.Join(guest.PayloadDir, place), here, only})
		if only != "" {
			return path.Join(guest.PayloadDir, place, only), nil
		}
		err := tree.put(here, place)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return path.Join(guest.PayloadDir, place), err
	}
	for i := range args {
		name, value := flags[i][0], flags[i][1]
		var to string
		var err error
		switch {
		case strings.HasPrefix(value, "/dev/"):
			continue
		case slices.Contains(outputFiles, name):
			here := value
			if !filepath.IsAbs(here) && outputDir != "" && name != "testlogfile" {
				here = filepath.Join(outputDir, here)
			}
			here = a.path(here)
			to, err = folder(filepath.Dir(here), filepath.Base(here))
		case slices.Contains(outputFolders, name):
			to, err = folder(a.path(value), "")
		case name == "outputdir":
			to = guest.PayloadDir + "/" + workDir // whatever else is written there stays
		default:
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		args[i] = "-test." + name + "=" + to
	}
	if fuzzes && dir != "" {
		list = append(list, back{path.Join(guest.PayloadDir, workDir, "testdata/fuzz"), filepath.Join(a.path(dir), "testdata", "fuzz"), ""})
	}
	return args, list, nil
}

// bringBack writes what the guest kept to where it belongs. What was not asked for stays there.
func (a *app) bringBack(list []back, r vm.Result) error {
	for _, k := range r.Kept {
		if k.Folder >= len(list) {
			continue
		}
		b := list[k.Folder]
		if b.name != "" {
			if k.Name != b.name {
				continue
			}
			if err := os.WriteFile(filepath.Join(b.here, b.name), k.Data, 0o644); err != nil {
				return fmt.Errorf("bringing back: %w", err)
			}
			continue
		}
		if err := b.add(k); err != nil {
			return fmt.Errorf("bringing back: %w", err)
		}
	}
	if r.Lost {
		a.note("not all that the program left came back: it is more than %d MiB, or cannot be read", guest.MaxKept>>20)
	}
	return nil
}

// add writes a new file below the folder; one that is there stays as it is.
func (b back) add(k vm.Kept) error {
	if !filepath.IsLocal(k.Name) {
		return fmt.Errorf("the guest names a file %.80q", k.Name)
	}
	if err := os.MkdirAll(b.here, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(b.here)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(k.Name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(k.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(k.Data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
