// Package sealed opens a plugin only if a trusted minisign key signed its bytes, and what the signature says of them fits
// this process. It is for hosts: standard library only, no requirements, so that it changes no package that a host and its
// plugins share.
//
// Checking a file and then opening it leaves a window in which it can be swapped. Here the file is read once, the bytes
// that were read are checked, and a private copy of those bytes is what plugin.Open sees. Whoever can write as this
// process's own user, or into its memory, is not kept out: nothing in the process could do that.
package sealed

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"plugin"
	"runtime"
	"sync"
)

// A Policy says which plugins are trusted. The zero Policy trusts none.
type Policy struct {
	Key       string // minisign public key: the base64 line of the .pub file
	AtLeast   string // no version older than this ("v1.4.0"); "" asks for no version
	Host      string // digest of the host's lock that the seal must name; "" asks for none
	Dir       string // where the private copy is made, on a file system without noexec; "" means os.TempDir()
	MaxSize   int64  // of a plugin, in bytes; 0 means 1 GiB
	Signature string // file of the signature; "" means the plugin's path + ".minisig"
}

// ErrSignature is returned, wrapped, where the bytes are not those that the key signed.
var ErrSignature = errors.New("the signature does not hold")

var opened struct {
	sync.Mutex
	plugins map[[sha256.Size]byte]*plugin.Plugin
}

// swap is called between the check and the load, by tests.
var swap = func() {}

// Open opens the plugin at path if the policy trusts it. The same bytes opened again give the same Plugin, as with
// plugin.Open. Errors of plugin.Open are wrapped; they name the private copy.
func Open(path string, p Policy) (*plugin.Plugin, error) {
	data, claim, err := Check(path, p)
	if err != nil {
		return nil, fmt.Errorf("sealed plugin %q: %w", path, err)
	}
	swap()
	opened.Lock()
	defer opened.Unlock()
	sum := sha256.Sum256(data)
	if pl := opened.plugins[sum]; pl != nil {
		return pl, nil
	}
	dir, err := os.MkdirTemp(p.Dir, "sealed-plugin-") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("sealed plugin %q: making a private copy: %w", path, err)
	}
	defer os.RemoveAll(dir) // what is mapped stays
	file := filepath.Join(dir, claim.Name)
	if err := os.WriteFile(file, data, 0o500); err != nil {
		return nil, fmt.Errorf("sealed plugin %q: making a private copy: %w", path, err)
	}
	pl, err := plugin.Open(file)
	if err != nil {
		return nil, fmt.Errorf("sealed plugin %q: %w", path, err)
	}
	if opened.plugins == nil {
		opened.plugins = map[[sha256.Size]byte]*plugin.Plugin{}
	}
	opened.plugins[sum] = pl
	return pl, nil
}

// Check reads the plugin at path and says whether the policy trusts it. The bytes are what was checked: whoever opens the
// file itself afterwards may open another one.
func Check(path string, p Policy) ([]byte, Claim, error) {
	key, err := parseKey(p.Key)
	if err != nil {
		return nil, Claim{}, err
	}
	name := p.Signature
	if name == "" {
		name = path + ".minisig"
	}
	text, err := read(name, 16<<10)
	if err != nil {
		return nil, Claim{}, err
	}
	sig, err := parseSignature(text)
	if err != nil {
		return nil, Claim{}, fmt.Errorf("%q: %w", name, err)
	}
	max := p.MaxSize
	if max == 0 {
		max = 1 << 30
	}
	data, err := read(path, max)
	if err != nil {
		return nil, Claim{}, err
	}
	if err := sig.verify(key, data); err != nil {
		return nil, Claim{}, err
	}
	claim, err := parseClaim(sig.comment)
	if err != nil {
		return nil, Claim{}, err
	}
	return data, claim, claim.fits(filepath.Base(path), p)
}

// fits compares the claim with the file's name, this process and the policy.
func (c Claim) fits(base string, p Policy) error {
	for _, x := range []struct{ what, have, want string }{
		{"name", c.Name, base}, {"arch", c.Arch, runtime.GOARCH}, {"go", c.Go, runtime.Version()},
	} {
		if x.have != x.want {
			return fmt.Errorf("it is sealed for %s %q; this is %q", x.what, x.have, x.want)
		}
	}
	if p.Host != "" && c.Host != p.Host {
		return fmt.Errorf("it is sealed for host %q; this is %q", c.Host, p.Host)
	}
	if p.AtLeast == "" {
		return nil
	}
	have, ok1 := parseVersion(c.Version)
	least, ok2 := parseVersion(p.AtLeast)
	if !ok1 || !ok2 {
		return fmt.Errorf("versions %q and %q cannot be compared: both must be semantic versions", c.Version, p.AtLeast)
	}
	if have.compare(least) < 0 {
		return fmt.Errorf("it is version %s, older than %s", c.Version, p.AtLeast)
	}
	return nil
}

// read reads a regular file of at most max bytes.
func read(name string, max int64) ([]byte, error) {
	st, err := os.Stat(name) // first, for opening a pipe would wait
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size() > max {
		return nil, fmt.Errorf("%q is longer than %d bytes", name, max)
	}
	var b bytes.Buffer
	b.Grow(int(st.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, max+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > max {
		return nil, fmt.Errorf("%q is longer than %d bytes", name, max)
	}
	return b.Bytes(), nil
}
