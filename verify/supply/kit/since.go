package kit

import (
	"fmt"

	"github.com/plugproof/plugproof/results"
)

// Hold leaves out of the kit what the one with the manifest old holds, or leaves out itself.
func (m *Manifest) Hold(old *Manifest) {
	there := map[results.Digest]bool{}
	where := map[string]results.Digest{}
	for _, p := range old.Parts {
		there[p.SHA256], where[p.Path] = true, p.SHA256
	}
	held := false
	for i, p := range m.Parts {
		m.Parts[i].Held = where[p.Path] == p.SHA256 && there[p.SHA256]
		held = held || m.Parts[i].Held
	}
	m.Since = ""
	if held {
		m.Since = old.Digest()
	}
}

// Merge is the manifest of the whole kit that old and next make together.
func Merge(old, next *Manifest) (*Manifest, error) {
	if next.Since != old.Digest() {
		return nil, fmt.Errorf("%w: it follows the manifest %s, and this one is %s", ErrBase, next.Since, old.Digest())
	}
	there := map[results.Digest]bool{}
	for _, p := range old.Parts {
		there[p.SHA256] = !p.Held || there[p.SHA256]
	}
	out := &Manifest{Name: next.Name, Serial: next.Serial, Since: old.Since}
	for _, p := range next.Parts {
		if p.Held && !there[p.SHA256] && old.Since == "" {
			return nil, fmt.Errorf("%w: %q is in neither", ErrBase, p.Path)
		}
		p.Held = p.Held && !there[p.SHA256]
		out.Parts = append(out.Parts, p)
	}
	return out, out.Check()
}
