package abi

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/plugproof/plugproof/verify/goelf"
)

// lastModuleInit is runtime/plugin.go's plugin_lastmoduleinit, after a dlopen that succeeded.
func (p *process) lastModuleInit(l loading) (goError, error) {
	var mine *module
	mod, err := moduleOf(l.obj)
	if err != nil {
		return goError{}, err
	}
	if l.fresh {
		if linkshared(l.brought) {
			return goError{unsure: "it was linked with -linkshared: its Go packages lie in libraries, which is not simulated"}, nil
		}
		if needed, err := p.brought(l); err != nil {
			return goError{}, err
		} else if needed && mod == nil {
			return goError{unsure: "it is no Go plugin, but needs one as a library, and the runtime takes the one for the other"}, nil
		}
		if mod != nil {
			if mine, err = p.modules.link(l.obj, mod); err != nil {
				return goError{}, err
			}
		}
		l.obj.failed = true // until the checks are passed
	}
	md := p.modules.newest()
	switch {
	case md == nil:
		return goError{verdict: Abort, cause: p.unseen(l, mod, mine)}, nil
	case md.foreign:
		return goError{verdict: Abort, cause: layoutCause(p.host, md.obj)}, nil
	case md.path == "" && md == mine && !p.modules.known: // what stands before pkghashes may be another field
		return goError{unsure: "the host's module data is laid out as in no release of Go that is known, and the plugin path is not where it is in all of them"}, nil
	case md.path == "" && md == mine:
		return goError{verdict: Abort, cause: unknown("the plugin path is empty")}, nil
	case md.typemap:
		v := AlreadyLoaded
		if mod == nil {
			v = NotAPlugin
		}
		return goError{text: "plugin already loaded", verdict: v, cause: p.unseen(l, mod, mine)}, nil
	}
	if other := p.modules.samePath(md.path); other != nil {
		md.bad = true
		cause := unknown("%s was opened before with the same plugin path %q", other.obj.path, md.path)
		if strings.HasPrefix(md.path, "plugin/unnamed-") {
			cause.ID = "plugin-path"
		}
		return goError{text: "plugin already loaded", verdict: AlreadyLoaded, cause: cause}, nil
	}
	diffs, err := p.compare(md.obj, mod)
	if err != nil {
		return goError{}, err
	}
	if len(diffs) > 0 {
		md.bad = true
		first := diffs[0].Package
		return goError{text: "plugin was built with a different version of package " + first, verdict: Mismatch,
			pkg: &first, diffs: diffs, cause: p.explain(md.obj, diffs)}, nil
	}
	p.modules.activate()
	return p.poisoned(md.obj, mod)
}

// brought links the module data of plugins that are mapped because the opened file needs them: their constructors run before its own.
func (p *process) brought(l loading) (some bool, err error) {
	for _, dep := range slices.Backward(l.brought) {
		if dep.missing || dep.libc {
			continue
		}
		mod, err := moduleOf(dep)
		if err != nil {
			return some, err
		}
		if mod == nil {
			continue
		}
		if _, err := p.modules.link(dep, mod); err != nil {
			return some, err
		}
		some, dep.failed, dep.neededGo = true, true, l.obj
		p.limit("%s is a Go plugin that %s needs as a library: the runtime takes it in unchecked, runs none of its init functions, and will not open it again", dep.path, l.obj.path)
		diffs, err := p.compare(dep, mod)
		if err != nil {
			return some, err
		}
		if len(diffs) > 0 {
			p.limit("%s was built with a different version of package %s, which nothing checks there: what its code does is not known", dep.path, diffs[0].Package)
		}
	}
	return some, nil
}

// compare lists every package of a plugin whose fingerprint is not the one that the process already has. The runtime stops at the first.
func (p *process) compare(o *object, mod *goelf.Module) ([]Difference, error) {
	var out []Difference
	for _, pkg := range mod.Packages {
		hash, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return nil, err
		}
		if owner == nil && o.doubt != "" {
			if pkg.Hash != strings.Repeat("\x00", len(pkg.Hash)) {
				return nil, fmt.Errorf("%q is no package's name", pkg.Name)
			}
			hash, owner = "", p.host // no digest is zero, whatever the name was
		}
		if owner == nil || owner == o || hash == pkg.Hash {
			continue
		}
		d := Difference{Package: pkg.Name,
			Host:   Side{Hash: hex.EncodeToString([]byte(hash))},
			Plugin: Side{Hash: hex.EncodeToString([]byte(pkg.Hash))},
		}
		if owner != p.host {
			d.Owner = owner.path
		}
		var module string
		module, d.Host.Version = versionOf(owner, pkg.Name)
		pluginModule, v := versionOf(o, pkg.Name)
		d.Plugin.Version = v
		if module == "" {
			module = pluginModule
		}
		d.Module = pointer(module)
		out = append(out, d)
	}
	return out, nil
}

// firstDefinition finds the fingerprint that *runtimehash points at: that of the first object in the scope which defines the package.
func (p *process) firstDefinition(pkg string) (string, *object, error) {
	for _, o := range p.global {
		if o.missing || o.libc {
			continue
		}
		hash, ok, err := o.file.PackageHash(pkg)
		if err != nil {
			return "", nil, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if ok {
			return hash, o, nil
		}
	}
	return "", nil, nil
}

// unseen says why the runtime did not see a new module.
func (p *process) unseen(l loading, mod *goelf.Module, mine *module) *Cause {
	switch {
	case mod == nil:
		return unknown("the file is no Go plugin: it has no package fingerprints")
	case !l.fresh && l.obj.neededGo != nil:
		return unknown("%s was loaded with %s, which needs it as a library: the runtime does not take it in a second time", l.obj.path, l.obj.neededGo.path)
	case !l.fresh:
		return unknown("%s is the same file as one that was opened before", l.obj.path)
	case mine.next != p.modules.layout.next:
		return layoutCause(p.host, l.obj)
	case mine.linked: // an earlier module was marked by another release's plugin
		return unknown("the process was damaged by an earlier plugin of another Go release")
	}
	return unknown("an earlier plugin of another Go release broke the list of modules")
}

func isNotExist(err error) bool {
	return errors.As(err, new(unresolved)) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}
