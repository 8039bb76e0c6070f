package abi

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// variables are, by package, marks of those of the host's Go variables that the linker gave no value. A package that is in a host need not have all
// its variables there, for the linker leaves out what the host does not use; where they are missing, an earlier plugin's are taken.
type variables map[string]marks

// marks are the first four bytes of the SHA-256 of symbols' names, ascending: rclone's 3,071 names have 152 kB.
type marks []uint32

func markOf(symbol string) uint32 {
	sum := sha256.Sum256([]byte(symbol))
	return binary.BigEndian.Uint32(sum[:])
}

// packageOfSymbol is what stands before the name in a symbol: the package's path, dots of its last element escaped. "" if there is none.
func packageOfSymbol(symbol string) string {
	head, _, _ := strings.Cut(symbol, "[") // type arguments have paths, too
	slash := strings.LastIndexByte(head, '/') + 1
	dot := strings.IndexByte(head[slash:], '.')
	if dot < 0 {
		return ""
	}
	return head[:slash+dot+1]
}

// variablesOf lists a host's. Where its bss is not known, all of its data count.
func variablesOf(f *goelf.File, pkgs []goelf.Package) (variables, error) {
	out := variables{}
	if len(pkgs) == 0 {
		return out, nil
	}
	byPrefix := make(map[string]string, len(pkgs))
	for _, p := range pkgs {
		byPrefix[symbolPrefix(p.Name)] = p.Name
	}
	l, err := f.Layout()
	known := err == nil && l.BSS < l.EBSS
	for s, err := range f.DynSymbols() {
		if err != nil {
			return nil, err
		}
		if !s.Defined() || s.Type() != elf.STT_OBJECT || known && (s.Value < l.BSS || s.Value >= l.EBSS) {
			continue
		}
		if pkg, ok := byPrefix[packageOfSymbol(s.Name)]; ok {
			out[pkg] = append(out[pkg], markOf(s.Name))
		}
	}
	for pkg, m := range out {
		slices.Sort(m)
		out[pkg] = slices.Compact(m)
	}
	return out, nil
}

// text is base64 without padding (RFC 4648, section 4) of the big-endian numbers.
func (m marks) text() string {
	b := make([]byte, 0, 4*len(m))
	for _, v := range m {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// set reads text.
func (v variables) set(pkg, text string) error {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return fmt.Errorf("the variables of %q: %w", pkg, err)
	}
	if len(b)%4 != 0 {
		return fmt.Errorf("the variables of %q have %d bytes, not a multiple of 4", pkg, len(b))
	}
	m := make(marks, len(b)/4)
	for i := range m {
		if m[i] = binary.BigEndian.Uint32(b[4*i:]); i > 0 && m[i] <= m[i-1] {
			return errors.New("the variables of " + quote(pkg) + " are not in order, or there twice")
		}
	}
	v[pkg] = m
	return nil
}

// hasVariable reports whether the host of a lock has a variable without a value from the linker. A nil lock has none: the file itself is asked then.
func (l *Lock) hasVariable(symbol string) bool {
	if l == nil {
		return false
	}
	l.index.Do(func() {
		l.byPrefix = make(map[string]marks, len(l.Variables))
		for pkg, m := range l.Variables {
			l.byPrefix[symbolPrefix(pkg)] = m
		}
	})
	_, ok := slices.BinarySearch(l.byPrefix[packageOfSymbol(symbol)], markOf(symbol))
	return ok
}
