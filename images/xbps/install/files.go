package install

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// Files are the root's nodes as an image has them.
func (t *Tree) Files() []images.File {
	nodes := t.Nodes()
	out := make([]images.File, len(nodes))
	for i, n := range nodes {
		out[i] = images.File{Name: strings.TrimPrefix(n.Path, "/"), Perm: uint32(n.Mode), Data: n.Data, Target: n.Target, Dir: n.Type == Dir, UID: uint32(n.UID), GID: uint32(n.GID)}
	}
	return out
}

// databaseFile is xbps's list of what is installed.
const databaseFile = metaDir + "/pkgdb-0.38.plist"

// maxDatabase bounds that list in bytes; the one of a full desktop has 5 MB.
const maxDatabase = 64 << 20

// readDatabase reads the packages of the root's own database; a root without one has none.
func (t *Tree) readDatabase() (plist.Dict, error) {
	n, ok := t.follow(databaseFile)
	if !ok {
		return plist.Dict{}, nil
	}
	d, err := plist.Decode(n.Data, plist.Limits{Bytes: maxDatabase})
	if err != nil {
		return nil, fmt.Errorf("install: reading %q: %w", databaseFile, err)
	}
	return d, nil
}

// follow finds a file through the root's links, at most 40 of them.
func (t *Tree) follow(name string) (Node, bool) {
	for range 40 {
		n, link, rest := t.walk(name)
		if link == nil {
			return n, n.Type == File
		}
		target := link.Target
		if !strings.HasPrefix(target, "/") {
			target = link.Path[:strings.LastIndexByte(link.Path, '/')] + "/" + target
		}
		name = clean(target + rest)
	}
	return Node{}, false
}

// walk goes down a path until its end or to the first link on it; rest is what follows that link.
func (t *Tree) walk(name string) (n Node, link *Node, rest string) {
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		at, ok := t.nodes[name[:i]]
		if !ok {
			return Node{}, nil, ""
		}
		if at.Type == Link {
			return Node{}, at, name[i:]
		}
		n = *at
	}
	return n, nil, ""
}

// Pkgvers are the packages of the root's database, sorted.
func (t *Tree) Pkgvers() ([]string, error) {
	d, err := t.readDatabase()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if entry, ok := d[name].(plist.Dict); ok {
			if pkgver, ok := entry.String("pkgver"); ok {
				out = append(out, pkgver)
			}
		}
	}
	return out, nil
}

// Pending are the INSTALL scripts that are to run at the first boot: those of packages that the root's database calls
// unpacked. order gives pkgvers in the order of their unpacking; others follow by name. arch is what xbps calls the machine,
// which scripts are told whatever their package is for.
func (t *Tree) Pending(order []string, arch string) ([]images.Script, error) {
	d, err := t.readDatabase()
	if err != nil {
		return nil, err
	}
	var out []images.Script
	for _, name := range slices.Sorted(maps.Keys(d)) {
		entry, ok := d[name].(plist.Dict)
		if !ok {
			continue
		}
		text, _ := entry["install-script"].([]byte)
		state, _ := entry.String("state")
		if state != "unpacked" || text == nil {
			continue
		}
		s := images.Script{Name: name, Arch: arch, Text: text}
		s.Package, _ = entry.String("pkgver")
		s.Version = strings.TrimPrefix(s.Package, name+"-")
		out = append(out, s)
	}
	place := func(s images.Script) int {
		if i := slices.Index(order, s.Package); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(out, func(a, b images.Script) int { return place(a) - place(b) })
	return out, nil
}

// IsVoid says that the root's os-release names Void Linux (os-release(5)).
func (t *Tree) IsVoid() bool {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		n, ok := t.follow(name)
		if !ok || len(n.Data) > 64<<10 {
			continue
		}
		for line := range strings.Lines(string(n.Data)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "ID="); ok {
				return strings.Trim(value, `"'`) == "void"
			}
		}
	}
	return false
}

// Program returns the bytes of a file, followed through the root's links.
func (t *Tree) Program(name string) ([]byte, bool) {
	n, ok := t.follow(name)
	return n.Data, ok
}

// Loader says which libc's dynamic loader lies in /lib, and where: the first by name. "none" and "" if there is none.
func (t *Tree) Loader() (libc, at string) {
	for _, dir := range []string{"/usr/lib/", "/lib/", "/usr/lib64/", "/lib64/"} {
		for _, p := range slices.Sorted(maps.Keys(t.nodes)) {
			name, ok := strings.CutPrefix(p, dir)
			if !ok || t.nodes[p].Type == Dir {
				continue
			}
			for prefix, libc := range map[string]string{"ld-musl-": "musl", "ld-linux": "glibc"} {
				if strings.HasPrefix(name, prefix) && strings.Contains(name, ".so.") {
					return libc, strings.TrimPrefix(dir, "/usr") + name
				}
			}
		}
	}
	return "none", ""
}
