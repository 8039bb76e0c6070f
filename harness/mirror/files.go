package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/plugproof/plugproof/results"
)

// Files is what a kit was unpacked to, as a mirror shows it. No link leads out of it.
type Files struct{ root *os.Root }

// trees are what is served of a directory, by the first word of the URL's path.
var trees = map[string]string{"mod": "gomod/cache/download", "xbps": "xbps"}

// OpenFiles opens the directory. It must hold one of the trees.
func OpenFiles(dir string) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Files{root}
	for _, t := range trees {
		if st, err := root.Stat(t); err == nil && st.IsDir() {
			return f, nil
		}
	}
	root.Close()
	return nil, fmt.Errorf("%q holds neither modules nor packages: unpack a kit there", dir)
}

// Close closes the directory.
func (f *Files) Close() error { return f.root.Close() }

// Open gives a file by its URL's path, without the slash in front. Lists of versions are made from what is there.
func (f *Files) Open(name string) (io.ReadCloser, error) {
	at, ok := place(name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	file, err := f.root.Open(at)
	if err == nil {
		st, err := file.Stat()
		if err == nil && st.Mode().IsRegular() {
			return file, nil
		}
		file.Close()
		return nil, fs.ErrNotExist
	}
	if !strings.HasPrefix(name, "mod/") || !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if dir, ok := strings.CutSuffix(at, "/list"); ok {
		return f.list(dir)
	}
	if dir, ok := strings.CutSuffix(at, "/@latest"); ok {
		return f.latest(dir + "/@v")
	}
	return nil, err
}

// place is where a URL's path lies below the directory.
func place(name string) (string, bool) {
	first, rest, _ := strings.Cut(name, "/")
	dir, ok := trees[first]
	if !ok || !fs.ValidPath(name) || rest == "" || strings.HasPrefix(path.Base(name), ".") {
		return "", false
	}
	return path.Join(dir, rest), true
}

// versions are those whose go.mod or zip is there, in order.
func (f *Files) versions(dir string) ([]string, error) {
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, n := range names {
		if ext := path.Ext(n); ext == ".mod" || ext == ".zip" {
			if v, err := module.UnescapeVersion(strings.TrimSuffix(n, ext)); err == nil && semver.IsValid(v) {
				seen[v] = true
			}
		}
	}
	var out []string
	for v := range seen {
		out = append(out, v)
	}
	slices.SortFunc(out, semver.Compare)
	return out, nil
}

// list is the answer to $module/@v/list: no pseudo-versions, as the go command wants it.
func (f *Files) list(dir string) (io.ReadCloser, error) {
	all, err := f.versions(dir)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, v := range all {
		if !module.IsPseudoVersion(v) {
			fmt.Fprintln(&b, v)
		}
	}
	return io.NopCloser(&b), nil
}

// latest is the answer to $module/@latest: the newest release that is there, else the newest of all.
func (f *Files) latest(dir string) (io.ReadCloser, error) {
	all, err := f.versions(dir)
	if err != nil || len(all) == 0 {
		return nil, fs.ErrNotExist
	}
	best := all[len(all)-1]
	for _, v := range all {
		if semver.Prerelease(v) == "" {
			best = v
		}
	}
	e, err := module.EscapeVersion(best)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return f.root.Open(path.Join(dir, e+".info"))
}

// Index lists every file by its URL's path, with size and digest, sorted. The go command's own locks and marks are no files of a
// mirror.
func (f *Files) Index() ([]Entry, error) {
	var out []Entry
	for name, dir := range trees {
		if _, err := f.root.Stat(dir); err != nil {
			continue
		}
		err := fs.WalkDir(f.root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			rel := name + strings.TrimPrefix(p, dir)
			if !served(rel) {
				return nil
			}
			r, err := f.root.Open(p)
			if err != nil {
				return err
			}
			defer r.Close()
			digest, n, err := results.DigestReader(r)
			out = append(out, Entry{rel, n, digest})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func served(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	rest, mod := strings.CutPrefix(name, "mod/")
	if !mod || strings.HasPrefix(rest, "sumdb/") {
		return true
	}
	ext := path.Ext(name)
	return strings.Contains(rest, "/@v/") && (ext == ".info" || ext == ".mod" || ext == ".zip")
}
