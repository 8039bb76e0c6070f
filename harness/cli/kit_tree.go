package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/verify/supply/modtree"
)

// proveModules refuses modules that the checksum database does not vouch for.
func proveModules(ctx context.Context, files []supply.File, key string) error {
	found, err := modtree.Check(ctx, newFileTree(files), key)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		for _, f := range found {
			err = errors.Join(err, errors.New(f.String()))
		}
		return usagef("a kit holds only what the checksum database vouches for: private modules belong into a vendor folder", "%w", err)
	}
	return nil
}

// fileTree is the module tree among files, by name.
type fileTree map[string]supply.File

func newFileTree(files []supply.File) fileTree {
	t := fileTree{}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Path, supply.Modules+"/"); ok {
			t[name] = f
		}
	}
	return t
}

func (t fileTree) Names() []string { return slices.Collect(maps.Keys(t)) }

func (t fileTree) Open(name string) (io.ReaderAt, int64, error) {
	f, ok := t[name]
	if !ok {
		return nil, 0, os.ErrNotExist
	}
	if f.From == "" {
		return bytes.NewReader(f.Data), int64(len(f.Data)), nil
	}
	st, err := os.Stat(f.From)
	if err != nil {
		return nil, 0, err
	}
	return fileAt(f.From), st.Size(), nil
}

// fileAt is a file by name: nothing stays open between reads.
type fileAt string

func (name fileAt) ReadAt(p []byte, off int64) (int, error) {
	f, err := os.Open(string(name))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

// kitPackages lists a folder of repositories, none of which may be damaged.
func (a *app) kitPackages(ctx context.Context, dir, name string) ([]supply.File, error) {
	files, damage, unsigned, err := supply.Packages(ctx, a.path(dir), name)
	if err != nil {
		return nil, usagef("give --xbps a directory with a repository", "%q: %w", dir, err)
	}
	for _, f := range damage {
		a.note("%s", oneLine(f.String()))
	}
	if len(damage) > 0 {
		return nil, &Error{Code: ExitFinding, Err: fmt.Errorf("the repository %q is damaged: %s (%d such findings)", dir, oneLine(damage[0].String()), len(damage)),
			Hint: "get it again, or index it anew by 'plugproof xbps index'; 'plugproof xbps verify' says all that is wrong"}
	}
	for _, u := range unsigned {
		a.note("repository %s is not signed, and xbps-install takes nothing of it over HTTP", oneLine(u))
	}
	return files, nil
}
