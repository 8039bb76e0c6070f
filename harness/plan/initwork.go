package plan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
)

// Place is where a package lies: in the project's own module, or in another directory as the key dir says.
type Place struct{ Dir, Package string }

func (p Place) String() string {
	if p.Dir == "" {
		return p.Package
	}
	return p.Dir + " " + p.Package
}

func (p Place) compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Dir, q.Dir), cmp.Compare(p.Package, q.Package))
}

// toml is the lines of a table that name the place, each after the mark.
func (p Place) toml(mark string) string {
	if p.Dir == "" {
		return fmt.Sprintf("%spackage = %q\n", mark, p.Package)
	}
	return fmt.Sprintf("%sdir = %q\n%spackage = %q\n", mark, p.Dir, mark, p.Package)
}

// lookAround fills what the module itself has not, hosts or plugins, from the other modules of its workspace (go.work).
func (d *Draft) lookAround(ctx context.Context, dir string, run Runner) error {
	out, err := run(ctx, dir, "list", "-m", "-json=Path,Dir,Main")
	if err != nil {
		return fmt.Errorf("listing the modules of %q: %w", dir, err)
	}
	root, err := realPath(dir)
	if err != nil {
		return err
	}
	hosts, plugins := len(d.Hosts) == 0, len(d.Plugins) == 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct {
			Path, Dir string
			Main      bool
		}
		if err := dec.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the modules of %q: %w", dir, err)
		}
		rel, err := filepath.Rel(m.Dir, root)
		if err != nil || !m.Main || m.Dir == "" || filepath.IsLocal(rel) {
			continue // dir's own module was listed whole, or from dir on
		}
		other, err := list(ctx, m.Dir, run)
		if err != nil {
			return err
		}
		there, err := filepath.Rel(root, m.Dir)
		if err != nil {
			return fmt.Errorf("from %q to the module %s: %w", dir, m.Path, err)
		}
		d.Broken = append(d.Broken, other.Broken...)
		if hosts {
			d.Hosts = append(d.Hosts, from(there, other.Hosts)...)
		}
		if plugins {
			d.Plugins = append(d.Plugins, from(there, other.Plugins)...)
		}
	}
}

func from(dir string, ps []Place) []Place {
	for i := range ps {
		ps[i].Dir = filepath.ToSlash(dir)
	}
	return ps
}
