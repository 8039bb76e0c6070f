package abi

import (
	"cmp"
	"debug/elf"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// goVersion are the forms of runtime.Version (cmd/internal/objabi, cmd/dist's findgoversion): a release, or a development version of any spelling.
var goVersion = regexp.MustCompile(`^(go1(\.[0-9]+)+((rc|beta)[0-9]+)?([-+ ].*)?|go1\.[0-9]+-devel_.*|devel .*)$`)

// infoMinor is the release since which the linker writes the build information that a lock is made of.
const infoMinor = 18

// check refuses locks whose facts do not belong together, whatever their digest. The error names the line that is wrong.
func (l *Lock) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("reading host lock: %w: "+format, append([]any{ErrLock}, args...)...)
	}
	m := machineOf(l.Machine, l.Class)
	if m == nil {
		return bad("machine %v, %v is not supported", l.Machine, l.Class)
	}
	if l.Type != elf.ET_EXEC && l.Type != elf.ET_DYN {
		return bad("line \"elf\": %v is no program", l.Type)
	}
	if !slices.IsSortedFunc(l.Packages, func(a, b goelf.Package) int { return cmp.Or(strings.Compare(a.Name, b.Name), -1) }) ||
		!slices.IsSortedFunc(l.Exports, func(a, b Exported) int { return strings.Compare(a.Name, b.Name) }) {
		return bad("packages or symbols are not in order, or there twice")
	}
	if l.Libc != "" && l.Libc != libcMusl && l.Libc != libcGlibc {
		return bad("line \"libc %q\": plugproof knows musl and glibc", l.Libc)
	}
	if by := libcOfLoader(l.Interp); l.Interp != "" && by != l.Libc {
		return bad("line \"libc %q\": the loader %q is that of %q", l.Libc, l.Interp, by)
	}
	if slices.Contains(l.Needed, "") {
		return bad("line \"needed\": a library without a name")
	}
	if why := l.badLoads(m); why != "" {
		return bad("%s", why)
	}
	if why := l.badGo(m); why != "" {
		return bad("%s", why)
	}
	return nil
}

// badLoads says what no linker writes of the places where the host's segments lie; "" when they can be.
func (l *Lock) badLoads(m *machine) string {
	switch {
	case len(l.Loads) == 0:
		return "there is no line \"load\": a program has a segment that is loaded"
	case len(l.Loads) > maxLoads:
		return fmt.Sprintf("%d lines \"load\" are more than linkers write", len(l.Loads))
	}
	for i, r := range l.Loads {
		switch {
		case r[1] < r[0] || r[1] > m.addressSpace():
			return fmt.Sprintf("line \"load %#x %#x\": no place in the memory of %s", r[0], r[1], m.arch)
		case i > 0 && r[0] < l.Loads[i-1][1]:
			return fmt.Sprintf("line \"load %#x %#x\": the segment before ends at %#x", r[0], r[1], l.Loads[i-1][1])
		}
	}
	return ""
}

// badGo says what no Go makes; "" when it can be.
func (l *Lock) badGo(m *machine) string {
	v := l.Info.GoVersion
	minor := minorOf(v)
	if !goVersion.MatchString(v) {
		return fmt.Sprintf("line \"go %q\": no version of Go's is spelled so", v)
	}
	if minor > 0 && minor < infoMinor {
		return fmt.Sprintf("line \"go %q\": locks are made of hosts of Go 1.%d and later", v, infoMinor)
	}
	for _, s := range l.Info.Settings {
		if s.Key == "GOARCH" && s.Value != m.arch {
			return fmt.Sprintf("line \"info\": GOARCH=%s, but the host is for %s", s.Value, m.arch)
		}
	}
	if len(l.Packages) == 0 {
		if l.ModuleData%uint64(l.ptr()) != 0 {
			return fmt.Sprintf("line \"moduledata %d\": not whole words", l.ModuleData)
		}
	} else if why := l.badPackages(minor); why != "" {
		return why
	}
	words := int(l.ModuleData) / l.ptr()
	if i := minor - firstMinor; l.ModuleData != 0 && i >= 0 && i < len(layouts) && layouts[i].next != words-1 {
		return fmt.Sprintf("line \"moduledata %d\": that of %s has %d bytes", l.ModuleData, v, (layouts[i].next+1)*l.ptr())
	}
	return ""
}

// badPackages says what is wrong with a host that has packages for plugins.
func (l *Lock) badPackages(minor int) string {
	named := func(name string) bool {
		return slices.ContainsFunc(l.Packages, func(p goelf.Package) bool { return p.Name == name })
	}
	switch {
	case minor > 0 && minor < firstMinor:
		return fmt.Sprintf("line \"go %q\": fingerprints are those of Go 1.%d and later", l.Info.GoVersion, firstMinor)
	case l.ModuleData == 0 || l.ModuleData%uint64(l.ptr()) != 0:
		return fmt.Sprintf("line \"moduledata %d\": a host with packages has one, of whole words", l.ModuleData)
	case l.Hidden:
		return "line \"hidden\": a host with packages hides none"
	case named(""):
		return "line \"package\": a package without a name"
	case !named("runtime"):
		return "there is no line \"package\" of runtime, which every host with packages has"
	}
	return ""
}
