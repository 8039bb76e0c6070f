// Package cachedir measures and prunes plugproof's cache directory.
//
// The cache is DIR/KIND/NAME: a kind per thing that is cached (one per package that caches), and entries that are
// files or directories, removed only as a whole. A file directly in DIR is an entry of the kind "files"; Go's module cache
// and GOPATH are one entry each, for half a module cache cannot be used offline.
//
// An entry is in use while any process holds a flock, shared or exclusive, on one of: the entry itself, KIND/NAME.lock,
// and, in an entry that is a directory, NAME/lock or NAME/.lock. A flock on KIND/lock, KIND/.lock or DIR/KIND.lock keeps
// the whole kind. Files called lock, .lock or *.lock are not entries and stay. Who uses an entry sets its modification
// time, by which the least recently used is known; that of a directory is the newest of its own and its members' down to the
// third level.
//
// Removal renames the entry first, so that it is gone as a whole even if the rest is cut short. It never follows a
// symbolic link, makes read-only directories (Go's module cache) writable on its way, and touches nothing unless the
// directory carries a tag that says it is plugproof's.
package cachedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tagName and tagSignature follow the Cache Directory Tagging Specification, https://bford.info/cachedir/.
const (
	tagName      = "CACHEDIR.TAG"
	tagSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

const tagText = tagSignature + "\n# This directory is the cache of plugproof, which may remove anything in it.\n"

// removedPrefix marks entries whose removal has begun.
const removedPrefix = ".removed-"

// kinds are the names that plugproof and scripts/deps give to what they put into an untagged cache.
var kinds = []string{"agree", "bin", "build", "cc", "digests", "gomod", "gopath", "guest", "images", "inputs", "machines", "scratch", "userproxy"}

// whole are the kinds that are one entry.
var whole = map[string]bool{"gomod": true, "gopath": true}

// loose is the kind of entries that lie directly in the cache.
const loose = "files"

// ErrNotTagged means that a directory does not say that it is plugproof's cache.
var ErrNotTagged = errors.New("the directory does not carry plugproof's cache tag")

// Entry is one thing that is cached.
type Entry struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Bytes int64     `json:"bytes"` // on disk; hard links within the entry count once
	Used  time.Time `json:"-"`
}

// path of the entry below the cache.
func (e Entry) path() string {
	if e.Kind == loose || whole[e.Kind] {
		return e.Name
	}
	return path.Join(e.Kind, e.Name)
}

// Tag makes dir, with its parents, and tags it as plugproof's if it holds nothing but kinds that are.
func Tag(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(kinds, e.Name()) {
			return nil
		}
	}
	if err := os.WriteFile(filepath.Join(dir, tagName), []byte(tagText), 0o644); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	return nil
}

// Scan lists the entries of the cache in dir, sorted by kind and name. A directory that is not there has none.
func Scan(dir string) ([]Entry, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	defer root.Close()
	return scan(root)
}

func scan(root *os.Root) ([]Entry, error) {
	var all []Entry
	tops, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	for _, k := range tops {
		names := []fs.DirEntry{k}
		kind := loose
		switch {
		case k.IsDir() && whole[k.Name()]:
			kind = k.Name()
		case k.IsDir():
			kind = k.Name()
			names, err = fs.ReadDir(root.FS(), kind)
			if err != nil {
				return nil, fmt.Errorf("reading the cache: %w", err)
			}
		}
		for _, n := range names {
			e := Entry{Kind: kind, Name: n.Name()}
			if strings.HasPrefix(e.Name, removedPrefix) || isLock(e.Name) || e.path() == tagName {
				continue
			}
			if err := e.measure(root); err != nil {
				return nil, err
			}
			all = append(all, e)
		}
	}
	return all, nil
}

func isLock(name string) bool { return name == "lock" || strings.HasSuffix(name, ".lock") }

// measure fills in the size and the last use. What disappears meanwhile counts for nothing.
func (e *Entry) measure(root *os.Root) error {
	links := map[[2]uint64]bool{}
	top := e.path()
	if info, err := root.Lstat(top); err != nil || !info.IsDir() { // WalkDir would follow a link at the top
		if err == nil {
			e.add(info, links, true)
		}
		return nil
	}
	err := fs.WalkDir(root.FS(), top, func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				e.add(info, links, strings.Count(p[len(top):], "/") <= 3)
				return nil
			}
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("measuring %q: %w", top, err)
	}
	return nil
}

func (e *Entry) add(info fs.FileInfo, links map[[2]uint64]bool, near bool) {
	if near && info.ModTime().After(e.Used) {
		e.Used = info.ModTime()
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	if st.Nlink > 1 && !info.IsDir() {
		id := [2]uint64{uint64(st.Dev), st.Ino}
		if links[id] {
			return
		}
		links[id] = true
	}
	e.Bytes += st.Blocks * 512 // st_blocks is in units of 512 bytes, stat(2)
}
