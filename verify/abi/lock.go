package abi

import (
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
)

// Lock is what plugin.Open depends on in a host, as a text that can be kept, compared and signed: packages with fingerprints, the layout of the
// runtime, needed libraries, exported C symbols and build information. A prediction from it has the same verdicts as one from the host.
type Lock struct {
	Digest     results.Digest // of the host
	Machine    elf.Machine
	Class      elf.Class
	Type       elf.Type
	Interp     string
	Libc       string // "musl", "glibc" or "" when it is not known
	ModuleData uint64 // size in bytes of runtime.moduledata, 0 when the host does not export it
	Loads      [][2]uint64
	TLS        bool
	Hidden     bool // it calls plugin.Open and exports no packages
	Packed     bool // it has DT_RELR
	Needed     []string
	Runpath    string
	Rpath      string
	Info       *debug.BuildInfo
	Packages   []goelf.Package // sorted by name
	Variables  variables       // Go's, those without a value from the linker
	Exports    []Exported      // sorted by name

	index    sync.Once
	byPrefix map[string]marks // Variables, by what begins the names of their symbols
}

// Exported is a symbol of the host that a plugin may need: C's, and the thread-local one of Go's runtime.
type Exported struct {
	Name string
	Type elf.SymType
	Weak bool
}

// Export reads a host's lock. Its error wraps ErrHost.
func Export(host Input) (*Lock, error) {
	p, rep, err := begin(host, Options{})
	if err != nil {
		return nil, err
	}
	defer p.close()
	f := p.host.file
	l := &Lock{Digest: *rep.Host.SHA256, Machine: f.Machine, Class: f.Class, Type: f.Type, Interp: f.Interp(), Libc: p.libc,
		TLS: f.Segment(elf.PT_TLS) != nil, Runpath: f.DynString(elf.DT_RUNPATH), Rpath: f.DynString(elf.DT_RPATH), Info: p.host.info,
		Hidden: !hasPackages(p.host) && opensPlugins(f), Packed: packed(f)}
	wrap := func(err error) (*Lock, error) {
		return nil, fmt.Errorf("exporting host %q: %w: %w", host.Path, ErrHost, err)
	}
	if l.Info == nil {
		return wrap(errors.New("it has no build information"))
	}
	if l.ModuleData, err = f.ModuleDataSize(); err != nil {
		return wrap(err)
	}
	if l.Needed, err = f.Needed(); err != nil {
		return wrap(err)
	}
	if l.Packages, err = f.PackageHashes(); err != nil {
		return wrap(err)
	}
	if l.Variables, err = variablesOf(f, l.Packages); err != nil {
		return wrap(err)
	}
	if l.Exports, err = exported(f); err != nil {
		return wrap(err)
	}
	for _, s := range f.Segments {
		if s.Type == elf.PT_LOAD {
			l.Loads = append(l.Loads, [2]uint64{s.Vaddr, s.Vaddr + s.MemSz})
		}
	}
	return l, nil
}

// exported lists symbols that are not Go's: names of Go's symbols have a dot, a colon or a slash.
func exported(f *goelf.File) ([]Exported, error) {
	var out []Exported
	for s, err := range f.DynSymbols() {
		if err != nil {
			return nil, err
		}
		if !s.Defined() || s.Type() != elf.STT_TLS && strings.ContainsAny(s.Name, ".:/ ") || s.Name == "" || strings.ContainsAny(s.Name, " \n") {
			continue
		}
		out = append(out, Exported{s.Name, s.Type(), s.Bind() == elf.STB_WEAK})
	}
	slices.SortFunc(out, func(a, b Exported) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// lockHead is a lock's first line; the number changes when older readers would misunderstand it.
const lockHead = "plugproof host lock 2"

// Text is the lock's canonical form: one fact per line, the same bytes for the same host, the digest of all lines before it at the end.
func (l *Lock) Text() []byte {
	var b strings.Builder
	line := func(key string, args ...any) {
		b.WriteString(key)
		for _, a := range args {
			fmt.Fprintf(&b, " %v", a)
		}
		b.WriteByte('\n')
	}
	b.WriteString(lockHead + "\n")
	line("host", l.Digest)
	line("elf", l.Machine, l.Class, l.Type)
	line("interp", quote(l.Interp))
	line("libc", quote(l.Libc))
	line("moduledata", l.ModuleData)
	line("tls", l.TLS)
	if l.Hidden {
		line("hidden", true)
	}
	if l.Packed {
		line("packed", true)
	}
	line("runpath", quote(l.Runpath))
	line("rpath", quote(l.Rpath))
	for _, r := range l.Loads {
		line("load", fmt.Sprintf("%#x %#x", r[0], r[1]))
	}
	for _, n := range l.Needed {
		line("needed", quote(n))
	}
	line("go", quote(l.Info.GoVersion))
	info := *l.Info
	info.GoVersion = "" // which ParseBuildInfo would not give back
	for s := range strings.Lines(info.String()) {
		line("info", quote(strings.TrimSuffix(s, "\n")))
	}
	for _, p := range l.Packages {
		args := []any{hex.EncodeToString([]byte(p.Hash)), quote(p.Name)}
		if vars := l.Variables[p.Name]; len(vars) > 0 {
			args = append(args, vars.text())
		}
		line("package", args...)
	}
	for _, e := range l.Exports {
		bind := "global"
		if e.Weak {
			bind = "weak"
		}
		line("export", e.Type, bind, e.Name)
	}
	line("end", results.DigestOf([]byte(b.String())))
	return []byte(b.String())
}

func quote(s string) string { return fmt.Sprintf("%q", s) }
