// Package install makes a root file system: it resolves, checks and unpacks packages of a repository, or checks and unpacks
// a tarball of a whole root.
//
// The root is made in memory first and is given out only when everything in it has passed: a refusal leaves nothing behind.
// INSTALL scripts are not run; they stand in the package database, whose packages then have the state "unpacked", as
// xbps leaves packages of a foreign architecture. Pending lists them, for the machine to run at its first boot.
package install

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// Type is what a Node is.
type Type byte

// The types of Node.
const (
	Dir  Type = 'd'
	File Type = 'f'
	Link Type = 'l'
)

// Node is one file of the root. Those of packages belong to root.
type Node struct {
	Path     string // absolute and clean
	Type     Type
	Mode     int64 // permissions with setuid, setgid and sticky
	Data     []byte
	Target   string // of a Link
	UID, GID int
}

// Tree is a root file system in memory.
type Tree struct {
	nodes map[string]*Node
	bytes int64
	limit int64
}

func newTree(limit int64) *Tree {
	if limit <= 0 {
		limit = 2 << 30
	}
	return &Tree{nodes: map[string]*Node{}, limit: limit}
}

// Nodes returns the tree in the order of paths, so that parents come before what lies in them. "/" is not in it.
func (t *Tree) Nodes() []Node {
	out := make([]Node, 0, len(t.nodes))
	for _, p := range slices.SortedFunc(maps.Keys(t.nodes), comparePaths) {
		out = append(out, *t.nodes[p])
	}
	return out
}

func comparePaths(a, b string) int {
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}

// Get returns the node of a path.
func (t *Tree) Get(name string) (Node, bool) {
	n, ok := t.nodes[name]
	if !ok {
		return Node{}, false
	}
	return *n, true
}

// add puts a node into the tree and makes its parents. A path that leads through a link, and a path that is taken by
// something else, are errors.
func (t *Tree) add(n Node) error {
	if !manifest.CleanPath(n.Path) {
		return fmt.Errorf("install: %q is no clean absolute path", n.Path)
	}
	for dir := path.Dir(n.Path); dir != "/"; dir = path.Dir(dir) {
		parent, ok := t.nodes[dir]
		if ok && parent.Type != Dir {
			return fmt.Errorf("install: %q leads through %q, which is no folder", n.Path, dir)
		}
		if !ok {
			t.nodes[dir] = &Node{Path: dir, Type: Dir, Mode: 0o755}
		}
	}
	if old, ok := t.nodes[n.Path]; ok {
		if n.Type == Dir && old.Type == Dir {
			old.Mode, old.UID, old.GID = n.Mode, n.UID, n.GID
			return nil
		}
		return fmt.Errorf("install: %q is there twice", n.Path)
	}
	if t.bytes += int64(len(n.Data)); t.bytes > t.limit {
		return fmt.Errorf("install: the root grows beyond %d bytes", t.limit)
	}
	t.nodes[n.Path] = &n
	return nil
}

// contents reads a file of an archive, if the root has room for it.
func (t *Tree) contents(r io.Reader, e *binpkg.Entry) ([]byte, error) {
	if e.Size > t.limit-t.bytes {
		return nil, &binpkg.Refusal{Class: binpkg.TooBig, Entry: e.Path, Reason: fmt.Sprintf("with it the root grows beyond %d bytes", t.limit)}
	}
	data := make([]byte, e.Size)
	_, err := io.ReadFull(r, data)
	return data, err
}

// force puts a node that the installation itself makes, and may replace.
func (t *Tree) force(n Node) error {
	if old, ok := t.nodes[n.Path]; ok && old.Type != Dir {
		delete(t.nodes, n.Path)
	}
	return t.add(n)
}
