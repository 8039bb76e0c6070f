package abi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// checkSymbols compares what a plugin exports with what is declared of it: names, and types in Go syntax with full import paths (the type
// that Lookup's result has: for a variable, a pointer). "" as a type stands for any. cause is nil when nothing is seen to be otherwise; unsure are
// the symbols of which the file does not tell.
func checkSymbols(o *object, path string, declared map[string]string) (cause *Cause, unsure []string, err error) {
	if len(declared) == 0 {
		return nil, nil, nil
	}
	exports, err := o.file.Exports()
	if err != nil {
		return nil, nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	m := &matcher{main: path}
	if m.types, err = o.file.Types(); err != nil {
		return nil, nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		i := slices.IndexFunc(exports, func(e goelf.Export) bool { return e.Name == name })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("plugin: symbol %s not found in plugin %s", name, path))
			continue
		}
		want := strings.TrimSpace(declared[name])
		if want == "" {
			continue
		}
		switch m.compare(want, exports[i]) {
		case undecidable:
			unsure = append(unsure, fmt.Sprintf("symbol %s has the type %s; whether that is the declared one, %s, cannot be told", name, exports[i].Type, want))
		case other:
			text := fmt.Sprintf("symbol %s has the type %s, declared is %s", name, exports[i].Type, want)
			if form, ok := runtimeForm(want); ok && form == exports[i].Type && m.why == "" {
				text += ", which is of another import path"
			}
			wrong = append(wrong, text+m.why)
		}
	}
	if len(wrong) == 0 {
		return nil, unsure, nil
	}
	return unknown("%s", strings.Join(wrong, "; ")), unsure, nil
}

// compare compares a declared type with an exported one. The linker's name of the type holds the import paths, or a hash of them; what has no such
// name that could be computed is taken apart.
func (m *matcher) compare(want string, e goelf.Export) answer {
	m.why = ""
	if e.TypeSymbol != "" && slices.Contains(typeSymbols(want), e.TypeSymbol) {
		return same
	}
	if form, ok := linkForm(want, m.main); ok && e.TypeSymbol != "" {
		got := m.simple(form, goelf.Type{Symbol: e.TypeSymbol})
		if got == other {
			m.aliases(want)
		}
		return got
	}
	if m.types != nil {
		got := m.match(want, e)
		if got == other && m.why == "" {
			m.aliases(want)
		}
		return got
	}
	if form, ok := runtimeForm(want); shortType(want) == e.Type || ok && form == e.Type {
		return undecidable
	}
	return other
}

// aliases says which declared names no type of the plugin has: an alias has none of its own.
func (m *matcher) aliases(want string) {
	if m.types == nil {
		return
	}
	for _, at := range qualified.FindAllStringIndex(want, -1) {
		name := want[at[0]:at[1]]
		if strings.HasPrefix(want[at[1]:], "[") { // generic: only its instances have descriptors
			continue
		}
		if _, ok := m.types.BySymbol(slices.Concat(typeSymbols(name), typeSymbols(escapeDots(name)), typeSymbols("*"+name), typeSymbols(escapeDots("*"+name)))); !ok {
			m.why = fmt.Sprintf("; the plugin has no type %s: if that is an alias, declare the type that it stands for", name)
			return
		}
	}
}

// qualified is an import path with a type's name behind it.
var qualified = regexp.MustCompile(`[^\s()\[\]{}*,;]*/[^\s()\[\]{}*,;/]*\.[^\s()\[\]{}*,;/.]+`)

// escapeDots writes the dots in the last elements of import paths as older compilers do (cmd/internal/objabi.PathToPrefix).
func escapeDots(form string) string {
	return qualified.ReplaceAllStringFunc(form, func(s string) string {
		slash, dot := strings.LastIndexByte(s, '/'), strings.LastIndexByte(s, '.')
		return s[:slash] + strings.ReplaceAll(s[slash:dot], ".", "%2e") + s[dot:]
	})
}

// importPath is what stands before the last element of a qualified name.
var importPath = regexp.MustCompile(`[^\s()\[\]{}*,;]*/`)

func shortType(s string) string { return importPath.ReplaceAllString(s, "") }

// typeSymbols are the names that the linkers of Go 1.20 to 1.27 give to a type in a plugin (cmd/link/internal/ld, typeSymbolMangle): long
// ones are hashed, with four functions in turn.
func typeSymbols(t string) []string {
	name := "type:" + t
	prefix := "type:"
	if strings.HasPrefix(t, ".") {
		prefix = "type:."
	}
	invert := func(b [32]byte) []byte { // cmd/internal/notsha256
		out := b[:]
		for i := range out {
			out[i] ^= 0xff
		}
		return out
	}
	now := sha256.Sum256([]byte(t)) // cmd/internal/hash, since 1.25
	now[0] ^= 0xff
	then := sha256.Sum256([]byte(t)) // the same in 1.24, of which the linker takes bytes from the fifth on
	out := []string{name}
	for _, h := range [][]byte{now[:], then[4:], invert(sha256.Sum256([]byte(t))), invert(sha256.Sum256([]byte(name)))} {
		out = append(out, prefix+base64.StdEncoding.EncodeToString(h[:6]))
	}
	return out
}
