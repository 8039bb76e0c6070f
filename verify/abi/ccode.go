package abi

import (
	"debug/elf"
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/verify/drift"
	"github.com/plugproof/plugproof/verify/goelf"
)

// interposed compares the C functions that a plugin has and calls through its procedure linkage table with those that the process has already
// under the same names: the loader gives the plugin the first definition in the global scope, a host's or an earlier plugin's, in place of its
// own. No fingerprint covers C. Those that may be another are among the undecided, for the files do not say how C was compiled. What is called
// without the table (static functions, -fno-plt, -Bsymbolic) is the plugin's own.
func (p *process) interposed(o *object, mod *goelf.Module, c *Code) error {
	type pair struct {
		owner *object
		d, s  goelf.Symbol
	}
	var pairs []pair
	seen := map[uint32]bool{}
	for r, err := range o.file.Relocs() {
		if err != nil {
			return fmt.Errorf("reading %q: %w", o.path, err)
		}
		if r.Table != goelf.JmpRel {
			break
		}
		if r.Sym == 0 || seen[r.Sym] {
			continue
		}
		seen[r.Sym] = true
		s, err := o.file.DynSymbol(r.Sym)
		if err != nil {
			return fmt.Errorf("reading %q: %w", o.path, err)
		}
		if !ownC(s) {
			continue
		}
		owner, d, _, err := p.find(p.global, s.Name, ownC)
		if err != nil {
			return err
		}
		if owner != nil && owner != o && !owner.libc {
			pairs = append(pairs, pair{owner, d, s})
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	if same, err := p.sameCgo(o, mod); err != nil || same {
		return err
	}
	for _, q := range pairs {
		c.Functions++
		if why := p.otherC(q.owner, o, q.d, q.s); why != "" {
			c.Undecided = append(c.Undecided, Function{q.s.Name, fmt.Sprintf("a C function: the process takes that of %s in place of the plugin's own, %s; if it is another function, give it another name or make it static", q.owner.path, why)})
		}
	}
	return nil
}

// sameCgo reports whether all packages of a plugin that use cgo are shown by their checksums to be those of the process.
func (p *process) sameCgo(o *object, mod *goelf.Module) (bool, error) {
	uses := map[string]bool{}
	err := o.file.FuncNames(func(name string) bool {
		if pkg, _, ok := strings.Cut(name, "._Cfunc_"); ok {
			uses[strings.ReplaceAll(pkg, "%2e", ".")] = true
		}
		return true
	})
	if err != nil {
		return false, nil // what cannot be read is not the same
	}
	for _, pkg := range mod.Packages {
		if !uses[pkg.Name] {
			continue
		}
		delete(uses, pkg.Name)
		_, owner, err := p.firstDefinition(pkg.Name)
		if err != nil {
			return false, err
		}
		if owner == nil || owner == o || !sameModule(owner, o, pkg.Name) {
			return false, nil
		}
	}
	return len(uses) == 0, nil
}

// ownC reports whether a symbol is a C function that a file defines: not Go's, whose names have a dot, nor package runtime/cgo's and what cgo and
// the compiler write, which the Go version and the fingerprints stand for. A weak one is a copy that any file may have (C++'s inline functions).
func ownC(s goelf.Symbol) bool {
	if !s.Defined() || s.Type() != elf.STT_FUNC || s.Bind() != elf.STB_GLOBAL || strings.ContainsAny(s.Name, ".:/") || s.Name == "fatalf" {
		return false
	}
	for _, own := range []string{"_cgo", "x_cgo_", "crosscall", "__", "_init", "_fini"} {
		if strings.HasPrefix(s.Name, own) {
			return false
		}
	}
	return true
}

// otherC says why a C function of one file may not be that of the other, "" when it is the same.
func (p *process) otherC(owner, o *object, d, s goelf.Symbol) string {
	if strings.HasPrefix(owner.id, lockID) {
		return "and a host's lock holds no code"
	}
	a, err := p.codeOf(owner)
	if err != nil {
		return fmt.Sprintf("and the code of %s cannot be read: %v", owner.path, err)
	}
	b, err := p.codeOf(o)
	if err != nil {
		return fmt.Sprintf("and the plugin's code cannot be read: %v", err)
	}
	if !drift.SameBytes(a, b, d, s) {
		return "and the two are not the same instructions"
	}
	return ""
}
