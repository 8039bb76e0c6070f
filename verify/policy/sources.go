package policy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/verify/supply/inflate"
	"github.com/plugproof/plugproof/verify/supply/modtree"
)

// Sources say where modules' files are on this machine.
type Sources struct {
	Zips  []string // folders in the layout of a module proxy; the first that has a zip is asked
	Roots []SourceRoot
}

// A SourceRoot is the folder of a go.mod or go.work.
type SourceRoot struct {
	Dir  string
	Sums Sums
}

// A MissingError says that a module's files are not at hand, or are not the right ones.
type MissingError struct{ Text string }

func (e *MissingError) Error() string { return e.Text }

// Texts reads the licence files of a module, in its root and in directories of it: from its zip if that has the hash that go.sum names,
// else from the vendor folder, or from the directory that replaces it. What is not at hand is a *MissingError.
//
// A replacement's directory is seen from each of the roots, which are directories of checkouts that use the module, or from all of
// them where roots is empty: two checkouts can mean two directories by one path, and each has its texts.
func (s Sources) Texts(m module.Version, replace *module.Version, roots, dirs []string) ([]Texts, error) {
	from := source(m, replace)
	if from.Version == "" {
		there, err := s.replacements(from.Path, roots)
		if err != nil {
			return nil, err
		}
		var out []Texts
		for _, dir := range there {
			t, err := readDir(from.Path, dir, dirs)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
		return out, nil
	}
	file, err := s.zip(from)
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := s.right(from, file); err != nil {
			return nil, err
		}
		t, err := readZip(from, file, dirs)
		return []Texts{t}, err
	}
	for _, r := range s.Roots {
		t, err := readDir("vendor/"+m.Path, filepath.Join(r.Dir, "vendor", filepath.FromSlash(m.Path)), dirs)
		if !errors.Is(err, fs.ErrNotExist) {
			return []Texts{t}, err
		}
	}
	return nil, &MissingError{"neither its zip nor a vendor folder is at hand"}
}

// replacements are the directories that a replacement's path means, seen from each of the roots; none twice. A root from which it
// means none is a *MissingError where that root is known to use it.
func (s Sources) replacements(path string, roots []string) ([]string, error) {
	var out []string
	for _, r := range s.Roots {
		if len(roots) > 0 && !slices.Contains(roots, r.Dir) {
			continue
		}
		real, err := filepath.EvalSymlinks(under(r.Dir, filepath.FromSlash(path)))
		switch {
		case err == nil && !slices.Contains(out, real):
			out = append(out, real)
		case err != nil && len(roots) > 0:
			return nil, &MissingError{fmt.Sprintf("there is no directory %s", path)}
		}
	}
	if len(out) == 0 {
		return nil, &MissingError{fmt.Sprintf("there is no directory %s", path)}
	}
	return out, nil
}

// zip finds a module's zip, or "".
func (s Sources) zip(v module.Version) (string, error) {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return "", &MissingError{err.Error()}
	}
	ver, err := module.EscapeVersion(v.Version)
	if err != nil {
		return "", &MissingError{err.Error()}
	}
	for _, dir := range s.Zips {
		name := filepath.Join(dir, filepath.FromSlash(p), "@v", ver+".zip")
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			return name, nil
		}
	}
	return "", nil
}

// right asks that a zip is what go.sum names, where it names it.
func (s Sources) right(v module.Version, file string) error {
	for _, r := range s.Roots {
		want := r.Sums[v]
		if want == "" {
			continue
		}
		got, err := modtree.HashZipFile(file)
		if err != nil {
			return &MissingError{fmt.Sprintf("its zip cannot be read: %v", err)}
		}
		if got != want {
			return &MissingError{fmt.Sprintf("its zip has the hash %s, and go.sum names %s", got, want)}
		}
		return nil
	}
	return nil
}

// maxTexts bounds the licence files of one module.
const maxTexts = 1024

func readZip(v module.Version, file string, dirs []string) (Texts, error) {
	z, f, err := inflate.OpenZip(file)
	if err != nil {
		return Texts{}, &MissingError{fmt.Sprintf("its zip cannot be read: %v", err)}
	}
	defer f.Close()
	return textsOf(z, v, dirs)
}

func textsOf(z *zip.Reader, v module.Version, dirs []string) (Texts, error) {
	t := Texts{v.String() + ".zip", map[string][]byte{}}
	wanted := map[string]bool{}
	for _, d := range dirs {
		wanted[d] = true
	}
	for _, e := range z.File {
		name, ok := strings.CutPrefix(e.Name, v.Path+"@"+v.Version+"/")
		if !ok || !wanted[path.Dir(name)] || !IsLicence(path.Base(name)) || len(t.Files) == maxTexts {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return t, &MissingError{fmt.Sprintf("%s in its zip cannot be read: %v", name, err)}
		}
		data, err := io.ReadAll(io.LimitReader(r, MaxLicence+1))
		r.Close()
		if err != nil {
			return t, &MissingError{fmt.Sprintf("%s in its zip cannot be read: %v", name, err)}
		}
		t.Files[name] = data
	}
	return t, nil
}

// readDir reads from a folder, whose links are not followed out of it.
func readDir(from, dir string, dirs []string) (Texts, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Texts{}, err
	}
	defer root.Close()
	t := Texts{from, map[string][]byte{}}
	for _, d := range dirs {
		entries, err := fs.ReadDir(root.FS(), d)
		if errors.Is(err, fs.ErrNotExist) && d != "." {
			continue
		}
		if err != nil {
			return t, &MissingError{err.Error()}
		}
		for _, e := range entries {
			name := path.Join(d, e.Name())
			if !e.Type().IsRegular() || !IsLicence(e.Name()) || len(t.Files) == maxTexts {
				continue
			}
			f, err := root.Open(name)
			if err != nil {
				return t, &MissingError{err.Error()}
			}
			data, err := io.ReadAll(io.LimitReader(f, MaxLicence+1))
			f.Close()
			if err != nil {
				return t, &MissingError{err.Error()}
			}
			t.Files[name] = data
		}
	}
	return t, nil
}
