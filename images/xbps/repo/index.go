// Package repo reads and writes the index of an xbps repository, ARCH-repodata, and finds packages in it.
//
// An index is a tar archive with exactly index.plist, index-meta.plist and stage.plist, in this order; an empty dictionary
// is an entry of 0 bytes (void-linux/xbps, bin/xbps-rindex/repoflush.c and lib/repo.c). It is not itself signed: it names
// the key that signed its packages, and nothing proves that it is the newest.
package repo

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

// The names of an index's entries.
const (
	indexName = "index.plist"
	metaName  = "index-meta.plist"
	stageName = "stage.plist"
)

// Suffix ends the file name of an index, behind the architecture.
const Suffix = "-repodata"

// maxPlist bounds each property list of an index, in bytes; Void's own are below 32 MiB.
const maxPlist = 128 << 20

// Index is what an index holds.
type Index struct {
	Packages map[string]manifest.Props // by package name
	Stage    map[string]manifest.Props // held back until their libraries fit
	Meta     *Meta                     // nil if the repository is unsigned
}

// Meta names the key that signed the packages.
type Meta struct {
	Key           *sign.PublicKey
	SignatureBy   string
	SignatureType string // "rsa"
}

// legacyMeta is what an unsigned index held before xbps 0.59.
const legacyMeta = "DEADBEEF"

// Read reads an index of the given size in bytes. What xbps would not read is an error, and so is an element whose key is
// not its package's name.
func Read(r io.ReaderAt, size int64) (*Index, error) {
	s, err := binpkg.Expand(r, size, binpkg.Limits{Expanded: 3 * maxPlist, Ratio: 4096})
	if err != nil {
		return nil, fmt.Errorf("repo: reading index: %w", err)
	}
	defer s.Close()
	t := tar.NewReader(s)
	x := &Index{Stage: map[string]manifest.Props{}}
	text, err := next(t, indexName)
	if err != nil {
		return nil, err
	}
	if x.Packages, err = packages(indexName, text); err != nil {
		return nil, err
	}
	if text, err = next(t, metaName); err != nil {
		return nil, err
	}
	if x.Meta, err = parseMeta(text); err != nil {
		return nil, err
	}
	text, err = next(t, stageName)
	if errors.Is(err, io.EOF) { // written by an older xbps-rindex
		if err := nothing(s); err != nil {
			return nil, err
		}
		return x, nil
	}
	if err != nil {
		return nil, err
	}
	if x.Stage, err = packages(stageName, text); err != nil {
		return nil, err
	}
	if _, err := t.Next(); err != io.EOF {
		return nil, fmt.Errorf("repo: reading index: something follows %s", stageName)
	}
	if err := nothing(s); err != nil {
		return nil, err
	}
	return x, nil
}

// nothing reads to the end of the compressed stream, so that its checksum is checked and nothing hides behind the archive.
func nothing(s io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return fmt.Errorf("repo: reading index: something follows the archive")
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("repo: reading index: %w", err)
		}
	}
}

// next reads the next entry, which must have the name that its place demands.
func next(t *tar.Reader, name string) ([]byte, error) {
	h, err := t.Next()
	if err != nil {
		return nil, fmt.Errorf("repo: reading index: looking for %s: %w", name, err)
	}
	if h.Name != name || h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("repo: reading index: want %s, found %.40q", name, h.Name)
	}
	if h.Size > maxPlist {
		return nil, fmt.Errorf("repo: reading index: %s of %d bytes", name, h.Size)
	}
	text, err := io.ReadAll(io.LimitReader(t, maxPlist))
	if err != nil {
		return nil, fmt.Errorf("repo: reading index: %s: %w", name, err)
	}
	return text, nil
}

func packages(entry string, text []byte) (map[string]manifest.Props, error) {
	out := map[string]manifest.Props{}
	if len(text) == 0 {
		return out, nil
	}
	d, err := plist.Decode(text, plist.Limits{Bytes: maxPlist})
	if err != nil {
		return nil, fmt.Errorf("repo: reading index: %s: %w", entry, err)
	}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		props, ok := d[name].(plist.Dict)
		if !ok {
			return nil, fmt.Errorf("repo: reading index: %s: %.40q is no dictionary", entry, name)
		}
		p, err := manifest.ParseProps(props)
		if err != nil {
			return nil, fmt.Errorf("repo: reading index: %s: %.40q: %w", entry, name, err)
		}
		if p.Name() != name {
			return nil, fmt.Errorf("repo: reading index: %s: %q stands under the name %.40q", entry, p.Pkgver, name)
		}
		out[name] = p
	}
	return out, nil
}

func parseMeta(text []byte) (*Meta, error) {
	if s := strings.TrimRight(string(text), "\n"); s == "" || s == legacyMeta {
		return nil, nil
	}
	d, err := plist.Decode(text, plist.Limits{Bytes: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("repo: reading index: %s: %w", metaName, err)
	}
	if len(d) == 0 {
		return nil, nil
	}
	m := &Meta{}
	m.SignatureBy, _ = d.String("signature-by")
	m.SignatureType, _ = d.String("signature-type")
	raw, ok := d["public-key"].([]byte)
	if !ok {
		return nil, fmt.Errorf("repo: reading index: %s has no public key", metaName)
	}
	if m.Key, err = sign.ParsePublicKey(raw); err != nil {
		return nil, fmt.Errorf("repo: reading index: %s: %w", metaName, err)
	}
	if bits, _ := d["public-key-size"].(int64); bits != int64(m.Key.Bits()) {
		return nil, fmt.Errorf("repo: reading index: %s says the key has %d bits, it has %d", metaName, bits, m.Key.Bits())
	}
	if m.SignatureType != "rsa" {
		return nil, fmt.Errorf("repo: reading index: %s: unknown kind of signature %.40q", metaName, m.SignatureType)
	}
	return m, nil
}
