package supply

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/plugproof/plugproof/verify/supply/inflate"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// UnpackToolchains unpacks every Go release of a cache's module tree as the go command would (cmd/go/internal/toolchain):
// below gomod, programs executable, the two _go.mod files that matter under their own name, too. bin/go leads to the newest. The zips must have been
// verified. It returns the releases' names.
func UnpackToolchains(ctx context.Context, cache string) ([]string, error) {
	zips, err := fs.Glob(os.DirFS(cache), Modules+"/golang.org/toolchain/@v/*.zip")
	if err != nil {
		return nil, err
	}
	if len(zips) == 0 {
		return nil, nil
	}
	release, err := lock(ctx, cache)
	if err != nil {
		return nil, err
	}
	defer release()
	left, err := fs.Glob(os.DirFS(cache), "gomod/golang.org/"+unpacking+"*") // by one that was killed
	if err != nil {
		return nil, err
	}
	for _, dir := range left {
		if err := os.RemoveAll(filepath.Join(cache, filepath.FromSlash(dir))); err != nil {
			return nil, err
		}
	}
	var names []string
	newest := ""
	for _, z := range zips {
		version := strings.TrimSuffix(path.Base(z), ".zip")
		dir := filepath.Join(cache, "gomod", "golang.org", "toolchain@"+version)
		if _, err := os.Stat(filepath.Join(dir, "bin", "go")); err != nil {
			if err := unpackToolchain(ctx, filepath.Join(cache, filepath.FromSlash(z)), "golang.org/toolchain@"+version+"/", dir); err != nil {
				return names, fmt.Errorf("unpacking the toolchain %q: %w", version, err)
			}
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(version, "v0.0.1-"), ".linux-")
		names = append(names, name)
		if newest == "" || semver.Compare(semantic(name), semantic(newest)) > 0 {
			newest = name
			link := filepath.Join(cache, "bin", "go")
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				return names, err
			}
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return names, err
			}
			if err := os.Symlink(filepath.Join("..", "gomod", "golang.org", "toolchain@"+version, "bin", "go"), link); err != nil {
				return names, err
			}
		}
	}
	return names, nil
}

// lock keeps others from unpacking into the cache.
func lock(ctx context.Context, cache string) (release func(), err error) {
	root, err := os.OpenRoot(cache)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return kit.Lock(ctx, root)
}

// unpacking begins the names of folders in the making.
const unpacking = ".unpacking-"

// semantic is a Go version as a semantic version.
func semantic(name string) string {
	v := "v" + strings.TrimPrefix(name, "go")
	for _, word := range []string{"rc", "beta"} {
		if before, after, ok := strings.Cut(v, word); ok {
			return semver.Canonical(before+".0") + "-" + word + "." + after
		}
	}
	return semver.Canonical(v)
}

// maxToolchain bounds what a release unpacks to, in bytes; Go 1.27 has 300 MB.
const maxToolchain = 2 << 30

func unpackToolchain(ctx context.Context, name, prefix, dir string) error {
	z, f, err := inflate.OpenZip(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), unpacking+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return err
	}
	defer root.Close()
	var total int64
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || !fs.ValidPath(rel) {
			return fmt.Errorf("%q is no file of a toolchain", f.Name)
		}
		if total += int64(min(f.UncompressedSize64, maxToolchain)); total > maxToolchain {
			return fmt.Errorf("it unpacks to more than %d bytes", maxToolchain)
		}
		if err := unpackFile(root, f, rel); err != nil {
			return err
		}
		if rel == "src/_go.mod" || rel == "src/cmd/_go.mod" {
			if err := unpackFile(root, f, path.Join(path.Dir(rel), "go.mod")); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), kit.Settle(root)); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func unpackFile(root *os.Root, f *zip.File, rel string) error {
	if err := root.MkdirAll(path.Dir(rel), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if dir := path.Dir(rel); dir == "bin" || strings.HasPrefix(dir, "pkg/tool/") {
		mode = 0o755
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(r, int64(min(f.UncompressedSize64, maxToolchain))))
	return errors.Join(err, w.Close())
}
