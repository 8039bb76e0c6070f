package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo"
	"github.com/plugproof/plugproof/images/xbps/manifest"
)

// contents audits one package: what it says of itself, its modes and owners, its files against files.plist, its ELF files.
type contents struct {
	*report
	file  string
	opt   Options
	pkg   *binpkg.Package
	seen  map[string]member
	needs []need
}

// member is what the archive has under a path; hash and size of a regular file, target of a link.
type member struct {
	typ          binpkg.Type
	hash, target string
	size         int64
}

type need struct{ path, library string }

// readContents audits the package and returns its properties, which are the zero value if they cannot be read.
func readContents(r io.ReaderAt, size int64, file string, opt Options, rep *report) (manifest.Props, error) {
	p, err := binpkg.Open(r, size, opt.Limits)
	if err != nil {
		return manifest.Props{}, refusal(err, file, rep)
	}
	defer p.Close()
	c := &contents{report: rep, file: file, opt: opt, pkg: &p.Package, seen: map[string]member{}}
	for _, problem := range p.Props.Problems() {
		c.add(file, "", problem.Class, "%s", problem.Text)
	}
	for {
		e, err := p.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = c.entry(p, e)
		}
		if err != nil {
			return p.Props, refusal(err, file, rep)
		}
	}
	c.compare()
	c.libraries()
	return p.Props, nil
}

// refusal makes a finding of a *binpkg.Refusal and lets every other error be one.
func refusal(err error, file string, rep *report) error {
	var r *binpkg.Refusal
	if !errors.As(err, &r) {
		return err
	}
	rep.add(file, strings.TrimPrefix(r.Entry, "."), r.Class, "%s", r.Reason)
	return nil
}

func (c *contents) entry(r io.Reader, e *binpkg.Entry) error {
	if e.Type == binpkg.Dir { // xbps makes directories itself
		return nil
	}
	c.attributes(e)
	m := member{typ: e.Type, target: e.Target}
	switch e.Type {
	case binpkg.HardLink:
		to := c.seen[e.Target]
		m.hash, m.size = to.hash, to.size
	case binpkg.File:
		var err error
		if m.hash, err = c.regular(r, e); err != nil {
			return err
		}
		m.size = e.Size
	}
	c.seen[e.Path] = m
	return nil
}

// attributes looks at what files.plist cannot hold and xbps-pkgdb does not check. libarchive prefers names to numbers.
func (c *contents) attributes(e *binpkg.Entry) {
	if e.UID != 0 || e.GID != 0 || e.Uname != "" && e.Uname != "root" || e.Gname != "" && e.Gname != "root" {
		c.add(c.file, e.Path, WrongOwner, "belongs to %q (%d) and group %q (%d), not to root", e.Uname, e.UID, e.Gname, e.GID)
	}
	if e.Type == binpkg.Symlink {
		return
	}
	if e.Mode&0o6000 != 0 && !c.opt.SetuidAllowed(e.Path) {
		c.add(c.file, e.Path, Setuid, "mode %04o runs with the rights of its owner", e.Mode)
	}
	if e.Mode&0o002 != 0 {
		c.add(c.file, e.Path, WorldWritable, "mode %04o lets anybody change it", e.Mode)
	}
}

// regular hashes a file, and keeps it for a look if it is ELF.
func (c *contents) regular(r io.Reader, e *binpkg.Entry) (string, error) {
	h := sha256.New()
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	h.Write(head[:n])
	limit := c.opt.MaxELF
	if limit <= 0 {
		limit = 512 << 20
	}
	if !elfinfo.Magic(head[:n]) || e.Size > limit {
		if elfinfo.Magic(head[:n]) {
			c.add(c.file, e.Path, BadELF, "an ELF file of %d bytes, more than is looked at", e.Size)
		}
		_, err := io.Copy(h, r)
		return hex.EncodeToString(h.Sum(nil)), err
	}
	var body bytes.Buffer // grows with what is really there, not with what the header says
	body.Write(head[:n])
	if _, err := io.Copy(io.MultiWriter(&body, h), r); err != nil {
		return "", err
	}
	c.elf(e.Path, body.Bytes())
	return hex.EncodeToString(h.Sum(nil)), nil
}

// foreign are the trees whose files no processor of the machine itself runs: firmware, and data of emulators.
var foreign = []string{"/usr/lib/firmware/", "/usr/share/"}

func (c *contents) elf(name string, body []byte) {
	info, err := elfinfo.Read(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		c.add(c.file, name, BadELF, "%v", err)
		return
	}
	elsewhere := slices.ContainsFunc(foreign, func(dir string) bool { return strings.HasPrefix(name, dir) })
	arch := c.pkg.Props.Architecture
	if arch == "noarch" {
		if !elsewhere {
			c.add(c.file, name, NoarchELF, "a file for %s in a package for every architecture", info.Machine)
		}
		return
	}
	for _, m := range info.Check(arch) {
		if m.Class == elfinfo.WrongMachine && elsewhere {
			return
		}
		c.add(c.file, name, m.Class, "%s", m.Text)
	}
	for _, lib := range info.Needed {
		c.needs = append(c.needs, need{name, lib})
	}
	if info.Soname != "" {
		c.seen["\x00"+info.Soname] = member{}
	}
}

// libraries compares what the ELF files need with what the package says it needs or has itself.
func (c *contents) libraries() {
	own := map[string]bool{}
	for p := range c.seen {
		own[strings.TrimPrefix(p, "\x00")] = true
		own[path.Base(p)] = true
	}
	for _, n := range c.needs {
		if !own[n.library] && !slices.Contains(c.pkg.Props.ShlibRequires, n.library) {
			c.add(c.file, n.path, UndeclaredLib, "needs %s, which shlib-requires does not name", n.library)
		}
	}
}
