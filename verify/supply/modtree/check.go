package modtree

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/verify/supply/inflate"
)

// Check compares every file of the tree with what the database with the verifier key holds
// (golang.org/x/mod/sumdb/note: "name+hash+key"). Findings are sorted by path.
func Check(ctx context.Context, t Tree, key string) ([]Finding, error) {
	name, _, ok := strings.Cut(key, "+")
	if !ok {
		return nil, fmt.Errorf("the checksum database's key is not NAME+HASH+KEY")
	}
	c := &checker{tree: t, files: map[string]bool{}, ops: &ops{tree: t, key: key, name: name}}
	for _, n := range t.Names() {
		c.files[n] = true
	}
	c.ops.has = c.files
	c.db = sumdb.NewClient(c.ops)
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range c.files {
			if !yield(n) {
				return
			}
		}
	})
	c.hashZips(ctx, names)
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.file(n, "sumdb/"+name+"/"); err != nil {
			return nil, err
		}
		if msg := c.ops.misbehaved(); msg != "" {
			c.found = append(c.found, Finding{Database, "sumdb/" + name, msg})
			return c.found, nil
		}
	}
	return c.found, nil
}

// hashZips hashes all zips, several at once: that is nearly all the work.
func (c *checker) hashZips(ctx context.Context, names []string) {
	c.zips = map[string]*zipHash{}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, n := range names {
		if path.Ext(n) != ".zip" {
			continue
		}
		z := &zipHash{}
		c.zips[n] = z
		g.Go(func() error {
			if z.err = ctx.Err(); z.err == nil {
				z.sum, z.err = c.hashZip(n)
			}
			return nil
		})
	}
	_ = g.Wait()
}

type zipHash struct {
	sum string
	err error
}

type checker struct {
	tree  Tree
	files map[string]bool
	ops   *ops
	db    *sumdb.Client
	zips  map[string]*zipHash
	found []Finding
}

func (c *checker) find(k Kind, name, format string, args ...any) error {
	c.found = append(c.found, Finding{k, name, fmt.Sprintf(format, args...)})
	return nil
}

// file checks one file. Proofs are checked where they are used.
func (c *checker) file(name, proofs string) error {
	if rest, ok := strings.CutPrefix(name, proofs); ok {
		if rest == "supported" || strings.HasPrefix(rest, "lookup/") || strings.HasPrefix(rest, "tile/") {
			return nil
		}
		return c.find(Extra, name, "it is neither a lookup nor a tile")
	}
	dir, base := path.Split(name)
	escaped, ok := strings.CutSuffix(dir, "/@v/")
	if !ok {
		return c.find(Extra, name, "it is no file of a module tree")
	}
	p, err := module.UnescapePath(escaped)
	if err != nil {
		return c.find(Extra, name, "%v", err)
	}
	if base == "list" { // an index of the folder that a file:// proxy may have
		return c.list(name, dir)
	}
	ext := path.Ext(base)
	v, err := module.UnescapeVersion(strings.TrimSuffix(base, ext))
	if err != nil || module.Check(p, v) != nil {
		return c.find(Extra, name, "it is no version of %s", p)
	}
	mod := module.Version{Path: p, Version: v}
	switch ext {
	case ".info":
		return c.info(name, mod)
	case ".mod", ".zip":
		return c.proven(name, mod, ext)
	}
	return c.find(Extra, name, "it is no file of a module tree")
}

// list must name versions that are there: a longer list hides nothing and proves nothing, so only its form counts.
func (c *checker) list(name, dir string) error {
	data, err := c.read(name, maxMod)
	if err != nil {
		return err
	}
	for v := range strings.Lines(string(data)) {
		v = strings.TrimSuffix(v, "\n")
		if e, err := module.EscapeVersion(v); err != nil || !c.files[dir+e+".mod"] {
			return c.find(Extra, name, "it lists %.100q, which is not in the tree", v)
		}
	}
	return nil
}

// info must be for its own version. The rest of it, a time and an origin, is nobody's word, and nothing is built from it.
func (c *checker) info(name string, mod module.Version) error {
	data, err := c.read(name, maxMod)
	if err != nil {
		return err
	}
	var info struct{ Version string }
	if err := json.Unmarshal(data, &info); err != nil || info.Version != mod.Version {
		return c.find(Tampered, name, "it is for the version %.100q", info.Version)
	}
	return nil
}

func (c *checker) proven(name string, mod module.Version, ext string) error {
	version := mod.Version
	if ext == ".mod" {
		version += "/go.mod"
	}
	lines, err := c.db.Lookup(mod.Path, version)
	if err != nil {
		return c.find(Unproven, name, "%v", err)
	}
	want := ""
	for _, l := range lines {
		if h, ok := strings.CutPrefix(l, mod.Path+" "+version+" "); ok {
			want = h
		}
	}
	if want == "" {
		return c.find(Unproven, name, "the checksum database's record does not name it")
	}
	got, err := c.hash(name, ext)
	if err != nil {
		return c.find(Tampered, name, "it cannot be read: %v", err)
	}
	if got != want {
		return c.find(Tampered, name, "it has the hash %s, and the checksum database holds %s", got, want)
	}
	return nil
}

// hash is dirhash.Hash1 of a zip's files, or of a go.mod.
func (c *checker) hash(name, ext string) (string, error) {
	if ext == ".zip" {
		return c.zips[name].sum, c.zips[name].err
	}
	data, err := c.read(name, maxMod)
	if err != nil {
		return "", err
	}
	return HashMod(data)
}

func (c *checker) hashZip(name string) (string, error) {
	r, size, err := c.tree.Open(name)
	if err != nil {
		return "", err
	}
	return HashZip(r, size)
}

// HashMod is the hash that the checksum database holds of a go.mod.
func HashMod(data []byte) (string, error) {
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
}

// HashZip is the hash that the checksum database holds of a module's zip of size bytes: of the files in it, not of its own bytes.
func HashZip(r io.ReaderAt, size int64) (string, error) {
	if size > maxZip {
		return "", fmt.Errorf("it is longer than %d bytes", maxZip)
	}
	z, err := inflate.Zip(r, size)
	if err != nil {
		return "", err
	}
	var names []string
	files := map[string]*zip.File{}
	var total uint64
	for _, f := range z.File {
		if total += min(f.UncompressedSize64, maxUnzipped); total > maxUnzipped {
			return "", fmt.Errorf("it holds more than %d bytes", int64(maxUnzipped))
		}
		if files[f.Name] != nil {
			return "", fmt.Errorf("%.200q is in it twice", f.Name)
		}
		names, files[f.Name] = append(names, f.Name), f
	}
	return hash1(names, func(n string) (io.ReadCloser, error) { return files[n].Open() })
}

// HashZipFile is HashZip of the zip in a file.
func HashZipFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	return HashZip(f, st.Size())
}

// buffers are for copying: a toolchain's zip has 11,000 files, most of them small.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// hash1 is dirhash.Hash1 with several files hashed at once: a toolchain's zip is most of a tree.
func hash1(names []string, open func(string) (io.ReadCloser, error)) (string, error) {
	slices.Sort(names)
	sums := make([][sha256.Size]byte, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, n := range names {
		if strings.Contains(n, "\n") {
			return "", errors.New("a name in it has a line break")
		}
		g.Go(func() error {
			r, err := open(n)
			if err != nil {
				return err
			}
			h := sha256.New()
			buf := buffers.Get().(*[32 << 10]byte)
			defer buffers.Put(buf)
			_, err = io.CopyBuffer(h, r, buf[:])
			sums[i] = [sha256.Size]byte(h.Sum(nil))
			return errors.Join(err, r.Close())
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	h := sha256.New()
	for i, n := range names {
		fmt.Fprintf(h, "%x  %s\n", sums[i], n)
	}
	return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

func (c *checker) read(name string, limit int64) ([]byte, error) { return read(c.tree, name, limit) }

func read(t Tree, name string, limit int64) ([]byte, error) {
	r, size, err := t.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	if size > limit {
		return nil, fmt.Errorf("%q is longer than %d bytes", name, limit)
	}
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return data, nil
}
