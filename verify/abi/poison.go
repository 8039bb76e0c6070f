package abi

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// poisoner finds a failed plugin that defines a package of o first: o's data then lies in a module that the garbage collector does not know.
func (p *process) poisoner(o *object, mod *goelf.Module) (*object, string, error) {
	bad := false
	for _, g := range p.global {
		bad = bad || g.failed && g != o
	}
	if !bad {
		return nil, "", nil
	}
	for _, pkg := range mod.Packages {
		_, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return nil, "", err
		}
		if owner != nil && owner.failed && owner != o {
			return owner, pkg.Name, nil
		}
	}
	return nil, "", nil
}

// poisoned is the outcome of a plugin that opens and uses what a failed one defines. The garbage collector does not scan the variables of a
// module that failed (runtime/symtab.go, activeModules): memory that only they lead to is freed while it is in use. Types, functions and
// variables without pointers are found there and do no harm.
func (p *process) poisoned(o, owner *object, pkg string) (goError, error) {
	out := goError{obj: o, verdict: Poisoned}
	name, n, err := p.unscanned(o)
	if err != nil {
		return out, err
	}
	if n == 0 {
		out.harmless = true
		out.cause = unknown("%s could not be opened but stays in the process, and its copy of package %s is used: Lookup finds other variables than the plugin's code; none holds pointers, so the process need not crash", owner.path, pkg)
		return out, nil
	}
	out.cause = unknown("%s could not be opened but stays in the process, and its copy of package %s is used; the garbage collector does not see the memory that %s leads to (%d such variables)", owner.path, pkg, name, n)
	return out, nil
}

// unscanned finds the variables with pointers that a plugin takes from failed ones: the first one's name, and how many. When a failed
// module cannot be read, its variables count as such.
func (p *process) unscanned(o *object) (first string, n int, err error) {
	prefixes, err := p.ownedByFailed(o)
	if err != nil {
		return "", 0, err
	}
	layouts := map[*object]*goelf.Layout{}
	seen := map[uint32]bool{}
	for r, err := range o.file.Relocs() {
		if err != nil {
			return "", 0, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Sym == 0 || seen[r.Sym] {
			continue
		}
		seen[r.Sym] = true
		s, err := o.file.DynSymbol(r.Sym)
		if err != nil {
			return "", 0, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if s.Type() != elf.STT_OBJECT || !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) }) {
			continue
		}
		def, d, _, err := p.find(p.global[1:], s.Name, goelf.Symbol.Defined) // the host, whose lock lacks Go's symbols, lacks the package
		if err != nil {
			return "", 0, err
		}
		if def == nil || def == o || !def.failed {
			continue
		}
		l, ok := layouts[def]
		if !ok {
			if got, err := def.file.Layout(); err == nil {
				l = &got
			}
			layouts[def] = l
		}
		if l != nil && (d.Value < l.Data || d.Value >= l.EData) && (d.Value < l.BSS || d.Value >= l.EBSS) {
			continue
		}
		if n++; first == "" {
			first = s.Name
		}
	}
	return first, n, nil
}

// ownedByFailed are the beginnings of the symbols of those packages of a plugin that a failed one defines first.
func (p *process) ownedByFailed(o *object) ([]string, error) {
	mod, err := moduleOf(o)
	if err != nil || mod == nil {
		return nil, err
	}
	var out []string
	for _, pkg := range mod.Packages {
		_, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return nil, err
		}
		if owner != nil && owner.failed && owner != o {
			out = append(out, symbolPrefix(pkg.Name))
		}
	}
	return out, nil
}
