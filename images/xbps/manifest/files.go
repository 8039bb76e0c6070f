package manifest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/plist"
)

// File is one element of files.plist. Modes and owners are not in it: only the archive has them.
type File struct {
	Path    string // absolute
	SHA256  string // hexadecimal, of regular files
	Size    int64  // bytes, of regular files
	Target  string // of links: made absolute by xbps-create even where the link on disk is relative
	Mutable bool
}

// Files is a package's files.plist.
type Files struct {
	Files, ConfFiles, Links, Dirs []File
}

// ParseFiles reads a files.plist. Elements of the wrong type, relative paths, paths with "..", "//" or a NUL byte and hashes
// that are not 64 hexadecimal digits are errors.
func ParseFiles(d plist.Dict) (Files, error) {
	var f Files
	for _, part := range []struct {
		key  string
		into *[]File
		hash bool
	}{{"files", &f.Files, true}, {"conf_files", &f.ConfFiles, true}, {"links", &f.Links, false}, {"dirs", &f.Dirs, false}} {
		list, err := d.Dicts(part.key)
		if err != nil {
			return Files{}, fmt.Errorf("manifest: %w", err)
		}
		for _, e := range list {
			file, err := parseFile(e, part.hash)
			if err != nil {
				return Files{}, fmt.Errorf("manifest: %s: %w", part.key, err)
			}
			*part.into = append(*part.into, file)
		}
	}
	return f, nil
}

func parseFile(d plist.Dict, hash bool) (File, error) {
	path, ok := d.String("file")
	if !ok || !CleanPath(path) {
		return File{}, fmt.Errorf("bad path %q", path)
	}
	f := File{Path: path}
	f.SHA256, _ = d.String("sha256")
	if raw, err := hex.DecodeString(f.SHA256); hash && (err != nil || len(raw) != 32) {
		return File{}, fmt.Errorf("%q has the hash %q", path, f.SHA256)
	}
	f.Size, _ = d["size"].(int64)
	f.Target, _ = d.String("target")
	f.Mutable, _ = d["mutable"].(bool)
	return f, nil
}

// CleanPath reports whether a path is absolute and has no empty, "." or ".." part and no NUL byte.
func CleanPath(path string) bool {
	if len(path) < 2 || len(path) > 4096 || path[0] != '/' || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// Dict gives the dictionary of a files.plist; parts without elements are left out.
func (f Files) Dict() plist.Dict {
	d := plist.Dict{}
	for key, list := range map[string][]File{"files": f.Files, "conf_files": f.ConfFiles, "links": f.Links, "dirs": f.Dirs} {
		if len(list) == 0 {
			continue
		}
		a := make(plist.Array, 0, len(list))
		for _, file := range list {
			a = append(a, file.dict())
		}
		d[key] = a
	}
	return d
}

func (f File) dict() plist.Dict {
	d := plist.Dict{"file": f.Path}
	if f.SHA256 != "" {
		d["sha256"] = f.SHA256
	}
	if f.Size > 0 {
		d["size"] = f.Size
	}
	if f.Target != "" {
		d["target"] = f.Target
	}
	if f.Mutable {
		d["mutable"] = true
	}
	return d
}
