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
	"sync"
	"syscall"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/plugproof/plugproof/results"
)

// Files is what a kit was unpacked to, as a mirror shows it. No link leads out of it.
type Files struct {
	root *os.Root

	mu   sync.Mutex
	seen map[string]digested // by the place below root
}

// digested is a file whose bytes were read, and what it looked like then.
type digested struct {
	st fs.FileInfo
	Entry
}

// trees are what is served of a directory, by the first word of the URL's path.
var trees = map[string]string{"mod": "gomod/cache/download", "xbps": "xbps"}

// OpenFiles opens the directory. It must hold one of the trees.
func OpenFiles(dir string) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Files{root: root}
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
	st, err := f.root.Stat(at) // first, for opening a pipe would wait
	if err == nil && !st.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	if err == nil {
		var file *os.File
		if file, err = f.root.Open(at); err == nil {
			return file, nil
		}
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
// mirror. A file that looks as it did when it was listed before is not read again.
func (f *Files) Index() ([]Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Entry
	seen := map[string]digested{}
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
			st, err := r.Stat()
			if err != nil {
				return err
			}
			e, ok := f.seen[p]
			if !ok || !same(e.st, st) {
				e = digested{st: st, Entry: Entry{Path: rel}}
				if e.SHA256, e.Size, err = results.DigestReader(r); err != nil {
					return err
				}
			}
			seen[p] = e
			out = append(out, e.Entry)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	f.seen = seen
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// same reports whether nobody wrote to a file: the kernel sets the time of change, which no program can turn back.
func same(a, b fs.FileInfo) bool {
	x, y := a.Sys().(*syscall.Stat_t), b.Sys().(*syscall.Stat_t)
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && x.Ctim == y.Ctim
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
