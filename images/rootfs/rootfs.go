// Package rootfs writes the payload disk: a read-only erofs file system without compression, which the guest mounts and
// maps straight from the virtio disk, so that only the pages that a load touches are ever read.
//
// The layout is that of Linux' fs/erofs/erofs_fs.h (6.1): superblock at byte 1024, then 64-byte inodes, then directories
// and file contents, each from a block boundary on. The same files give the same bytes.
package rootfs

import (
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
)

// File is one file of the disk. Contents are Data, or what lies at Source in the host's file system.
type File struct {
	Name   string // slash separated, relative, clean
	Perm   uint32 // permission bits
	Data   []byte
	Source string // "" for Data
	Target string // of a symbolic link; "" for a regular file
	Dir    bool   // an empty directory
}

// Block is the unit of the file system in bytes. It must not be larger than the guest's page.
const Block = 4096

// Size is the size of a disk in bytes, as its superblock says it, whatever is on it.
const Size = 4 << 30

// Owner is the user and group of every file: the unprivileged user that commands run as.
const Owner = 1000

// MaxName is the longest name of one path element in bytes (EROFS_NAME_LEN).
const MaxName = 255

// node is a file or directory on its way to the disk.
type node struct {
	file     File
	name     string // last element
	parent   *node
	children []*node
	dirData  []byte
	size     int64
	nid      uint64 // inode number: its offset in the inode table / 32
	block    int64  // first block of the contents
}

func (n *node) isDir() bool { return n.file.Dir }

// plan makes the tree, with missing parents as 0755 directories, and takes the sizes.
func plan(files []File) ([]*node, error) {
	root := &node{file: File{Dir: true, Perm: 0o755}}
	root.parent = root
	byName := map[string]*node{".": root}
	sorted := append([]File(nil), files...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	for _, f := range sorted {
		if err := check(f); err != nil {
			return nil, err
		}
		if old, twice := byName[f.Name]; twice {
			if old.isDir() && f.Dir {
				continue
			}
			return nil, fmt.Errorf("file %q is given twice", f.Name)
		}
		parent, err := mkdir(byName, path.Dir(f.Name))
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", f.Name, err)
		}
		n := &node{file: f, name: path.Base(f.Name), parent: parent}
		if n.size, err = size(f); err != nil {
			return nil, err
		}
		parent.children = append(parent.children, n)
		byName[f.Name] = n
	}
	return flatten(root), nil
}

func check(f File) error {
	if f.Name == "" || f.Name == "." || path.Clean(f.Name) != f.Name || path.IsAbs(f.Name) || strings.HasPrefix(f.Name+"/", "../") || strings.ContainsRune(f.Name, 0) {
		return fmt.Errorf("name %q is not a clean relative path", f.Name)
	}
	for _, element := range strings.Split(f.Name, "/") {
		if len(element) > MaxName {
			return fmt.Errorf("name %.40q... is longer than %d bytes", element, MaxName)
		}
	}
	if len(f.Target) > Block-1 {
		return fmt.Errorf("link %q has a target of %d bytes, at most %d", f.Name, len(f.Target), Block-1)
	}
	return nil
}

// mkdir returns the directory, making what is missing.
func mkdir(byName map[string]*node, dir string) (*node, error) {
	if n, ok := byName[dir]; ok {
		if !n.isDir() {
			return nil, fmt.Errorf("%q is no directory", dir)
		}
		return n, nil
	}
	parent, err := mkdir(byName, path.Dir(dir))
	if err != nil {
		return nil, err
	}
	n := &node{file: File{Name: dir, Dir: true, Perm: 0o755}, name: path.Base(dir), parent: parent}
	parent.children = append(parent.children, n)
	byName[dir] = n
	return n, nil
}

// size is the length of the file's contents in bytes.
func size(f File) (int64, error) {
	switch {
	case f.Dir:
		return 0, nil
	case f.Target != "":
		return int64(len(f.Target)), nil
	case f.Source == "":
		return int64(len(f.Data)), nil
	}
	st, err := os.Stat(f.Source)
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%q is no regular file", f.Source)
	}
	return st.Size(), nil
}

// flatten lists the tree, parents before children, each directory's children by name.
func flatten(n *node) []*node {
	sort.Slice(n.children, func(i, j int) bool { return n.children[i].name < n.children[j].name })
	list := []*node{n}
	for _, c := range n.children {
		list = append(list, flatten(c)...)
	}
	return list
}

// Disk is what was written.
type Disk struct {
	Bytes int64 // that hold something; truncate the file to Size
	// Standard says that superblock and root directory's inode are as on every other standard disk: one can take the place
	// of another while it is mounted, as long as nothing else was read of it. The root directory fits into one block, about
	// a hundred entries.
	Standard bool
}

// Write writes the disk. Files named by Source are read now; one whose size changes meanwhile is an error.
func Write(w io.WriterAt, files []File) (Disk, error) {
	disk, err := write(w, files)
	if err != nil {
		return Disk{}, fmt.Errorf("writing payload disk: %w", err)
	}
	return disk, nil
}

func write(w io.WriterAt, files []File) (Disk, error) {
	nodes, err := plan(files)
	if err != nil {
		return Disk{}, err
	}
	end, err := layOut(nodes)
	if err != nil {
		return Disk{}, err
	}
	if end*Block > Size {
		return Disk{}, fmt.Errorf("the files need %d bytes, a disk has %d", end*Block, int64(Size))
	}
	if _, err := w.WriteAt(metadata(nodes), 0); err != nil {
		return Disk{}, err
	}
	for _, n := range nodes {
		if err := writeContents(w, n); err != nil {
			return Disk{}, fmt.Errorf("file %q: %w", n.file.Name, err)
		}
	}
	return Disk{Bytes: end * Block, Standard: nodes[0].block == rootBlock}, nil
}
func writeContents(w io.WriterAt, n *node) error {
	var data []byte
	switch {
	case n.isDir():
		data = n.dirData
	case n.file.Target != "":
		data = []byte(n.file.Target)
	case n.file.Source == "":
		data = n.file.Data
	default:
		return copySource(w, n)
	}
	if len(data) == 0 {
		return nil
	}
	_, err := w.WriteAt(data, n.block*Block)
	return err
}

// copySource copies the file and makes sure that it had the planned size.
func copySource(w io.WriterAt, n *node) error {
	f, err := os.Open(n.file.Source)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	got, err := io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(w, n.block*Block)}, struct{ io.Reader }{io.LimitReader(f, n.size+1)}, buf)
	if err != nil {
		return err
	}
	if got != n.size {
		return fmt.Errorf("%q changed its size while it was read", n.file.Source)
	}
	return nil
}
