package install

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

// metaDir is where xbps keeps what it knows (XBPS_META_PATH).
const metaDir = "/var/db/xbps"

// database collects /var/db/xbps: pkgdb-0.38.plist, a files.plist for each package, and the trusted key.
type database struct {
	tree         *Tree
	packages     plist.Dict
	alternatives map[string][]string // group -> packages, the first is in force
	chosen       []string            // "link:target" of the first package of each group
	repository   string
	wanted       map[string]bool // names that were asked for; the others are there for them
}

// register notes a package as lib/package_register.c does, without the date, for the root is the same whenever it is made.
// A package with an INSTALL script is only unpacked: the script runs in the machine.
func (d *database) register(p manifest.Props, pkg *binpkg.Package) error {
	entry := p.IndexDict()
	entry["pkgname"] = p.Name()
	entry["repository"] = d.repository
	if d.repository == "" {
		entry["repository"] = "plugproof"
	}
	if !d.wanted[p.Name()] {
		entry["automatic-install"] = true
	}
	entry["state"] = "installed"
	if pkg.Install != nil {
		entry["state"] = "unpacked"
		entry["install-script"] = pkg.Install
	}
	if pkg.Remove != nil {
		entry["remove-script"] = pkg.Remove
	}
	if files := pkg.Files.Dict(); len(files) > 0 {
		text, err := plist.Encode(files)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		entry["metafile-sha256"] = hex.EncodeToString(sum[:])
		if err := d.tree.add(Node{Path: metaDir + "/." + p.Name() + "-files.plist", Type: File, Mode: 0o644, Data: text}); err != nil {
			return err
		}
	}
	d.packages[p.Name()] = entry
	for _, group := range slices.Sorted(maps.Keys(p.Alternatives)) {
		if len(d.alternatives[group]) == 0 {
			d.chosen = append(d.chosen, p.Alternatives[group]...)
		}
		d.alternatives[group] = append(d.alternatives[group], p.Name())
	}
	return nil
}

// finish makes the links of the alternatives and writes the database.
func (d *database) finish(s *audit.Selection) error {
	for _, alt := range d.chosen {
		link, target, err := manifest.ResolveAlternative(alt)
		if err != nil {
			return fmt.Errorf("install: alternative %q %w", alt, err)
		}
		if err := d.tree.force(Node{Path: link, Type: Link, Mode: 0o777, Target: relative(path.Dir(link), target)}); err != nil {
			return err
		}
	}
	if len(d.alternatives) > 0 {
		groups := plist.Dict{}
		for group, names := range d.alternatives {
			groups[group] = plist.StringArray(names)
		}
		d.packages["_XBPS_ALTERNATIVES_"] = groups
	}
	text, err := plist.Encode(d.packages)
	if err != nil {
		return err
	}
	if err := d.tree.add(Node{Path: databaseFile, Type: File, Mode: 0o644, Data: text}); err != nil {
		return err
	}
	if s.Key == nil {
		return nil
	}
	if text, err = s.Key.KeyFile(s.By); err != nil {
		return err
	}
	return d.tree.add(Node{Path: metaDir + "/keys/" + s.Key.Fingerprint() + ".plist", Type: File, Mode: 0o644, Data: text})
}

// relative leads from a folder to a target, both absolute and clean, as xbps's links do.
func relative(dir, target string) string {
	a, b := strings.Split(strings.Trim(dir, "/"), "/"), strings.Split(strings.Trim(target, "/"), "/")
	for len(a) > 0 && len(b) > 1 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if len(a) == 1 && a[0] == "" {
		a = nil
	}
	return strings.Repeat("../", len(a)) + strings.Join(b, "/")
}
