package build

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one file, directory or symbolic link of a tree.
type entry struct {
	rel  string // relative to the tree's base, clean
	path string // where it is
	info fs.FileInfo
}

// walk calls f for all entries of the tree, directories before what is in them, in lexical order. It follows no links.
func (t *Tree) walk(max int64, f func(entry) error) error {
	if max <= 0 {
		max = DefaultMaxTree
	}
	var size int64
	count := 0
	for _, root := range t.Roots {
		start := filepath.Join(t.Base, filepath.FromSlash(root))
		err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && t.skips(path) {
				return filepath.SkipDir
			}
			rel, err := filepath.Rel(t.Base, path)
			if err != nil || d.Type().IsRegular() && isReport(path, rel) {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			count++
			switch mode := info.Mode(); {
			case mode.IsRegular():
				size += info.Size()
			case mode.IsDir(), mode&fs.ModeSymlink != 0:
			default:
				return &Error{Op: "copying the source tree", Text: fmt.Sprintf("%q is a %s", path, kindOf(mode)), Kind: Usage,
					hint: "only files, directories and symbolic links can be part of a project; move it out of the tree"}
			}
			if size > max || count > maxEntries {
				return &Error{Op: "copying the source tree", Text: fmt.Sprintf("%q has more than %d MB or %d entries", t.Base, max>>20, maxEntries), Kind: Usage,
					hint: "the whole enclosing repository is copied for each side; move large files out of it"}
			}
			return f(entry{rel, path, info})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Mark is the file that says of a directory that plugproof made it: it is no source.
const Mark = ".plugproof-made"

// skips reports whether the directory at path is left out: the caller's, and what plugproof made: runs beneath results/runs, and, wherever
// --out put it, what holds the two files of package results/store, and what has the Mark. One shard's run is no source of the next.
func (t *Tree) skips(path string) bool {
	has := func(name string) bool {
		st, err := os.Lstat(filepath.Join(path, name))
		return err == nil && st.Mode().IsRegular()
	}
	runs := filepath.Dir(path)
	usual := filepath.Base(runs) == "runs" && filepath.Base(filepath.Dir(runs)) == "results"
	return slices.Contains(t.skip, path) || has(Mark) || has("plan.json") && (usual || has("records.jsonl"))
}

// reportHead begins each JUnit report of plugproof's (package results/report).
const reportHead = `<testsuites name="plugproof" `

// isReport says that the file was written by --junit. What lies in a testdata folder, by its name in the tree, is somebody's source.
func isReport(path, rel string) bool {
	if !strings.HasSuffix(path, ".xml") || slices.Contains(strings.Split(filepath.ToSlash(rel), "/"), "testdata") {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(reportHead))
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == reportHead
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
