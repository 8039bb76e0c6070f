package elfdiff

import (
	"debug/elf"
	"runtime/debug"
	"strings"
)

// facts is what a file records about how it was made.
type facts struct {
	info     *debug.BuildInfo // nil if there is none
	settings map[string]string
	files    []string // source file names in the line table, sorted by nobody
	pkgs     map[string]string
	path     string // plugin path, "" for a host
	buildID  string // Go's
	needed   []string
	interp   string
	symtab   bool
	dwarf    bool
	comment  string // .comment, the compilers' own words
}

func (im *image) facts() *facts {
	if im.known == nil {
		im.known = im.readFacts()
	}
	return im.known
}

func (im *image) readFacts() *facts {
	f := &facts{settings: map[string]string{}, pkgs: map[string]string{}, buildID: im.GoBuildID(), interp: im.Interp()}
	if bi, err := im.BuildInfo(); err == nil {
		f.info = bi
		for _, s := range bi.Settings {
			f.settings[s.Key] = s.Value
		}
	}
	f.files, _ = im.FileNames() // a file without a Go line table has none
	if m, err := im.Plugin(); err == nil {
		f.path = m.Path
		for _, p := range m.Packages {
			f.pkgs[p.Name] = p.Hash
		}
	} else if s := im.section(".dynsym"); s != nil && im.trusted() {
		for _, y := range im.readSymbols(s) { // much quicker than through PT_DYNAMIC
			if p, ok := strings.CutPrefix(y.name, "go:link.pkghashbytes."); ok && y.defined() {
				if b, err := im.ReadAddr(y.value, 8); err == nil {
					f.pkgs[p] = string(b)
				}
			}
		}
	} else if ps, err := im.PackageHashes(); err == nil {
		for _, p := range ps {
			f.pkgs[p.Name] = p.Hash
		}
	}
	f.needed, _ = im.Needed()
	f.symtab = im.section(".symtab") != nil
	for _, s := range im.secs {
		f.dwarf = f.dwarf || (s.Type != elf.SHT_NOBITS && (strings.HasPrefix(s.Name, ".debug_info") || strings.HasPrefix(s.Name, ".zdebug_info")))
	}
	if s := im.section(".comment"); s != nil && s.Size < 1<<16 {
		f.comment = strings.Trim(strings.ReplaceAll(string(im.contents(s)), "\x00", "; "), "; ")
	}
	return f
}

// goVersion is the version in the build information, "" if unknown.
func (f *facts) goVersion() string {
	if f.info == nil {
		return ""
	}
	return f.info.GoVersion
}

// importPath is the main package's, "" if unknown.
func (f *facts) importPath() string {
	if f.info == nil {
		return ""
	}
	return f.info.Path
}

// libc names the C library from the interpreter and the needed libraries, "" if neither tells. musl's library is called libc.so;
// glibc's is libc.so.6.
func (f *facts) libc() string {
	switch {
	case strings.Contains(f.interp, "ld-musl-"):
		return "musl"
	case strings.Contains(f.interp, "ld-linux"):
		return "glibc"
	}
	for _, n := range f.needed {
		switch {
		case n == "libc.so" || strings.HasPrefix(n, "libc.musl-"):
			return "musl"
		case n == "libc.so.6" || strings.HasPrefix(n, "ld-linux"):
			return "glibc"
		}
	}
	return ""
}

// module finds a dependency by path and says "version h1:sum", with its replacement.
func (f *facts) modules() map[string]string {
	out := map[string]string{}
	if f.info == nil {
		return out
	}
	for _, d := range f.info.Deps {
		s := strings.TrimSpace(d.Version + " " + d.Sum)
		if r := d.Replace; r != nil {
			s = strings.TrimSpace(d.Version) + " => " + strings.TrimSpace(r.Path+" "+r.Version+" "+r.Sum)
		}
		out[d.Path] = s
	}
	return out
}
