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
// that Lookup's result has: for a variable, a pointer). "" as a type stands for any. It returns nil when all is as declared.
func checkSymbols(o *object, path string, declared map[string]string) (*Cause, error) {
	if len(declared) == 0 {
		return nil, nil
	}
	exports, err := o.file.Exports()
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		i := slices.IndexFunc(exports, func(e goelf.Export) bool { return e.Name == name })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("plugin: symbol %s not found in plugin %s", name, path))
			continue
		}
		if want := strings.TrimSpace(declared[name]); want != "" && !sameType(want, path, exports[i]) {
			text := fmt.Sprintf("symbol %s has the type %s, declared is %s", name, exports[i].Type, want)
			if form, ok := runtimeForm(want); ok && form == exports[i].Type {
				text += ", which is of another import path"
			}
			wrong = append(wrong, text)
		}
	}
	if len(wrong) == 0 {
		return nil, nil
	}
	return unknown("%s", strings.Join(wrong, "; ")), nil
}

// sameType compares a declared type with an exported one. The linker's name of the type holds the import paths, or a hash of them; without it
// only the names of the packages can be compared. path is the plugin's own, for which a declaration may say main.
func sameType(want, path string, e goelf.Export) bool {
	if e.TypeSymbol != "" {
		if slices.Contains(typeSymbols(want), e.TypeSymbol) {
			return true
		}
		if form, ok := linkForm(want, path); ok { // written as the compiler writes it: the linker's name decides, import paths included
			return slices.Contains(typeSymbols(form), e.TypeSymbol) || slices.Contains(typeSymbols(escapeDots(form)), e.TypeSymbol)
		}
	}
	form, ok := runtimeForm(want)
	return shortType(want) == e.Type || ok && form == e.Type
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
