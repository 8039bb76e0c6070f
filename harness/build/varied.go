package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// varied lists what differs between the sides, and what does not.
func (b *Builder) varied(j Job, scratch string) (list []Variation, not []string) {
	iso := b.isolation()
	short := strings.NewReplacer(scratch, "$SCRATCH", b.Cache, "$CACHE", j.Go.GOROOT, "$GOROOT")
	add := func(name string, value func(w surroundings, side string) string) {
		list = append(list, Variation{name, short.Replace(value(surround["a"], "a")), short.Replace(value(surround["b"], "b"))})
	}
	in := func(dir string) func(surroundings, string) string {
		return func(w surroundings, _ string) string { return filepath.Join(scratch, w.inside, dir) }
	}
	add("path", func(w surroundings, _ string) string { return filepath.Join(b.Cache, w.at, j.Tree.key(), "src") })
	add("home", in("home"))
	add("tmpdir", in("tmp"))
	add("gopath", in("gopath"))
	add("gocache", func(_ surroundings, side string) string { return b.cacheRoot(side) })
	add("goroot", func(w surroundings, side string) string {
		switch {
		case !w.movedGo:
			return j.Go.GOROOT
		case !iso.Mount:
			return filepath.Join(scratch, w.inside, "go")
		}
		return filepath.Join(b.Cache, w.at, "go", j.Go.Digest.Short())
	})
	add("time", func(_ surroundings, side string) string {
		return map[string]string{"a": "first", "b": "in a later second"}[side]
	})
	add("timezone", func(w surroundings, _ string) string { return w.zone })
	add("locale", func(w surroundings, _ string) string { return w.locale })
	add("umask", func(w surroundings, _ string) string { return fmt.Sprintf("%03o", w.umask) })
	add("parallelism", func(w surroundings, _ string) string {
		if w.parallel == "" {
			return "go's own"
		}
		return "-p=" + w.parallel
	})
	add("user name", func(w surroundings, _ string) string { return w.user })
	if iso.UTS {
		add("host name", func(w surroundings, _ string) string { return w.hostname })
	} else {
		not = append(not, "host name: no UTS namespace here")
	}
	if _, err := os.Stat("/usr/lib/locale/locale-archive"); err != nil {
		if _, err := os.Stat("/usr/lib/locale/tr_TR.utf8"); err != nil {
			not = append(not, "locale: tr_TR.UTF-8 is not installed, only the variables differ")
		}
	}
	if _, err := os.Stat("/usr/share/zoneinfo/" + surround["b"].zone); err != nil {
		not = append(not, "timezone: no zone files here, only the variable differs")
	}
	for _, dir := range j.Tree.Fixed {
		not = append(not, fmt.Sprintf("path of %q: go.mod names it absolutely", dir))
	}
	return list, append(not, "module cache", "PATH", "CC", "user id", "kernel")
}
