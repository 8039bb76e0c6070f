package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
)

// shipped are the project's shipped files that are there.
func (e *evidence) shipped(all []plan.Cell) (files []string) {
	for _, j := range all[0].Jobs() {
		if j.File == "" {
			continue
		}
		file := filepath.Join(e.project.Dir, filepath.FromSlash(j.File))
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
			files = append(files, file)
		} else {
			e.lose(e.RulesFile, "the shipped file %s is not there", j.File)
		}
	}
	return files
}

// files reads built files, and those in directories.
func (e *evidence) files(names []string) error {
	const hint = "give --elf hosts, plugins, or directories that hold them"
	for _, name := range names {
		path := e.app.path(name)
		st, err := os.Stat(path)
		if err != nil {
			return usagef(hint, "%w", err)
		}
		if !st.IsDir() {
			if err := e.file(path); err != nil {
				return usagef(hint, "%w", err)
			}
			continue
		}
		n := 0
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Type()&fs.ModeSymlink != 0 {
				if st, err := os.Stat(p); err == nil && st.IsDir() {
					e.lose(e.app.short(p), "a link to a directory is not followed: name that, too")
				} else if err != nil || !st.Mode().IsRegular() {
					return nil
				}
			} else if !d.Type().IsRegular() {
				return nil
			}
			if !isELF(p) {
				return nil
			}
			n++
			return e.file(p)
		})
		if err == nil && n == 0 {
			err = fmt.Errorf("there is no ELF file below %q", name)
		}
		if err != nil {
			return usagef(hint, "%w", err)
		}
	}
	return nil
}

// maxBuilt bounds the files that are looked at.
const maxBuilt = 4096

func (e *evidence) file(path string) error {
	if len(e.Files) == maxBuilt {
		return fmt.Errorf("more than %d built files", maxBuilt)
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%q is no regular file", e.app.short(path))
	}
	digest, size, err := digestOf(path)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(e.Files, func(f policy.File) bool { return f.SHA256 == digest }) { // a twin
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	one, err := policy.Read(e.app.short(path), f, size, digest)
	if err != nil {
		return err
	}
	e.Files = append(e.Files, one)
	return nil
}

// isELF looks at the first bytes.
func isELF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = f.Read(magic[:])
	return err == nil && string(magic[:]) == "\x7fELF"
}
