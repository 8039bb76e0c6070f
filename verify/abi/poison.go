package abi

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// poisoned is the outcome of a plugin that passed the checks. What a failed one defines first is used in its place; the garbage collector does
// not scan the variables of a module that failed (runtime/symtab.go, activeModules): memory that only they lead to is freed while it is in use.
// Types, functions and variables without pointers are found there and do no harm.
func (p *process) poisoned(o *object, mod *goelf.Module) (goError, error) {
	out := goError{obj: o, verdict: OK}
	if !slices.ContainsFunc(p.global, func(g *object) bool { return g.failed && g != o }) {
		return out, nil
	}
	owned, owner, err := p.ownedByFailed(o, mod)
	if err != nil {
		return out, err
	}
	vars, err := p.unscanned(o, owned)
	if err != nil {
		return out, err
	}
	switch {
	case len(owned) == 0 && vars.n == 0 && vars.fixed != "":
		p.limit("%s uses variables of %s, which could not be opened but stays in the process, where the host's linker left its own out, such as %s: no harm while nothing allocated later is stored in them", o.path, vars.owner.path, vars.fixed)
	case len(owned) == 0 && vars.n > 0:
		out.verdict = Poisoned
		out.cause = unknown("%s could not be opened but stays in the process, and variables of it are used that the host's linker left out; the garbage collector does not see the memory that %s leads to (%d such variables)", vars.owner.path, vars.first, vars.n)
	case len(owned) > 0 && vars.n == 0:
		out.verdict, out.harmless = Poisoned, true
		out.cause = unknown("%s could not be opened but stays in the process, and its copy of package %s is used: Lookup finds other variables than the plugin's code; none holds pointers, so the process need not crash", owner.path, owned[0])
	case len(owned) > 0:
		out.verdict = Poisoned
		out.cause = unknown("%s could not be opened but stays in the process, and its copy of package %s is used; the garbage collector does not see the memory that %s leads to (%d such variables)", owner.path, owned[0], vars.first, vars.n)
	}
	return out, nil
}

// unscanned are the variables with pointers that a plugin takes from failed ones.
type unscanned struct {
	owner *object // of the first that is named
	first string  // the first that may hold what is allocated later
	n     int     // how many such
	fixed string  // the first, of a package that the host has, that is laid out when the failed plugin is linked
}

// unscanned finds them. When a failed module cannot be read, its variables count as such. Where the host has the package, one that has its value from
// the linker is not counted: it is hardly ever stored to.
func (p *process) unscanned(o *object, owned []string) (unscanned, error) {
	var out unscanned
	prefixes := make([]string, len(owned))
	for i, pkg := range owned {
		prefixes[i] = symbolPrefix(pkg)
	}
	layouts := map[*object]*goelf.Layout{}
	seen := map[uint32]bool{}
	for r, err := range o.file.Relocs() {
		if err != nil {
			return out, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Sym == 0 || seen[r.Sym] {
			continue
		}
		seen[r.Sym] = true
		s, err := o.file.DynSymbol(r.Sym)
		if err != nil {
			return out, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if s.Type() != elf.STT_OBJECT || p.host.lock.hasVariable(s.Name) {
			continue
		}
		def, d, _, err := p.find(p.global, s.Name, goelf.Symbol.Defined)
		if err != nil {
			return out, err
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
		fixed := l != nil && d.Value >= l.Data && d.Value < l.EData
		if l != nil && !fixed && (d.Value < l.BSS || d.Value >= l.EBSS) {
			continue
		}
		if out.owner == nil {
			out.owner = def
		}
		if fixed && !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) }) {
			if out.fixed == "" && p.host.lock == nil { // a lock does not list the host's
				out.fixed = s.Name
			}
			continue
		}
		if out.n++; out.first == "" {
			out.owner, out.first = def, s.Name
		}
	}
	return out, nil
}

// ownedByFailed are those packages of a plugin that a failed one defines first, and the failed one that defines the first of them.
func (p *process) ownedByFailed(o *object, mod *goelf.Module) (pkgs []string, first *object, err error) {
	for _, pkg := range mod.Packages {
		_, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return nil, nil, err
		}
		if owner == nil || !owner.failed || owner == o {
			continue
		}
		if first == nil {
			first = owner
		}
		pkgs = append(pkgs, pkg.Name)
	}
	return pkgs, first, nil
}
