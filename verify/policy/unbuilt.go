package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Wanted is a built file that evidence should have.
type Wanted struct {
	Path string // import path of the main package; "" is unknown, and not wanted
	Arch string // GOARCH
	Go   string // version of the toolchain; "": any
}

// String names it for people.
func (w Wanted) String() string {
	s := w.Path + " for " + w.Arch
	if w.Go != "" {
		s += " by " + w.Go
	}
	return s
}

// Unbuilt are those of which there is no file, sorted, each once. A file without build information is nobody's.
func Unbuilt(want []Wanted, files []File) (out []Wanted) {
	for _, w := range want {
		if w.Path != "" && !slices.ContainsFunc(files, func(f File) bool {
			if f.Info == nil || f.Info.Path != w.Path || arch(&f) != w.Arch {
				return false
			}
			version, _, _ := strings.Cut(f.Info.GoVersion, " X:")
			return w.Go == "" || version == w.Go
		}) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b Wanted) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Go, b.Go))
	})
	return slices.Compact(out)
}
