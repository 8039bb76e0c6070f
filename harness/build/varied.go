package build

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/plugproof/plugproof/harness/vary"
)

// probeContext is for what is found out about the machine once and is over in milliseconds.
var probeContext = context.Background()

// varied lists what differs between a control and a side with these surroundings, and what does not, with the reason.
func (b *Builder) varied(j Job, a, w surroundings, scratch string) (list []Variation, not []string) {
	short := strings.NewReplacer(scratch, "$SCRATCH", b.Cache, "$CACHE", b.ModCache, "$GOMODCACHE", j.Go.GOROOT, "$GOROOT").Replace
	show := map[string]func(surroundings) string{
		vary.Path: func(w surroundings) string { return w.src }, vary.Home: func(w surroundings) string { return w.home },
		vary.GoPath: func(w surroundings) string { return w.gopath }, vary.TmpDir: func(w surroundings) string { return w.tmp },
		vary.GoCache: func(w surroundings) string { return w.gocache }, vary.GoRoot: func(w surroundings) string { return w.goroot },
		vary.ModCache: func(w surroundings) string { return w.modcache }, vary.CC: func(w surroundings) string { return inPath(j, w.cc) },
		vary.ExecPath: func(w surroundings) string { return w.path },
		vary.Vendor:   func(w surroundings) string { return map[string]string{"": "as it is"}[w.vendor] + w.vendor },
	}
	var out []string
	for _, v := range vary.All() {
		switch {
		case w.cannot[v.Name] != "":
			not = append(not, v.Name+": "+w.cannot[v.Name])
		case !w.on.Has(v.Name):
			out = append(out, v.Name)
		case show[v.Name] != nil:
			list = append(list, Variation{v.Name, short(show[v.Name](a)), short(show[v.Name](w))})
		default:
			list = append(list, Variation{v.Name, v.A, w.on.Value(v.Name)})
		}
	}
	if !b.isolation().Mount {
		for _, n := range []string{vary.Home, vary.GoPath, vary.TmpDir, vary.GoCache} {
			if !w.on.Has(n) {
				not = append(not, n+": it differs in any case, for there is no mount namespace here")
				out = slices.DeleteFunc(out, func(o string) bool { return o == n })
			}
		}
	}
	if w.on.Has(vary.Locale) && !localeInstalled(w.locale) {
		not = append(not, "locale: "+w.locale+" is not installed, only the variables differ")
	}
	if _, err := os.Stat("/usr/share/zoneinfo/" + w.zone); err != nil && w.on.Has(vary.TimeZone) {
		not = append(not, "timezone: no zone files here, only the variable differs")
	}
	for _, dir := range j.Tree.Fixed {
		not = append(not, fmt.Sprintf("path of %q: go.mod names it absolutely", dir))
	}
	for _, n := range out {
		not = append(not, n+": "+LeftOut)
	}
	return list, not
}

// LeftOut is the reason for which a variation was not made that is possible, or may be: nobody asked for it.
const LeftOut = "not asked for"

// inPath is a compiler's spelling without this machine's directories.
func inPath(j Job, cc string) string {
	for _, dir := range j.C.Path {
		cc = strings.ReplaceAll(cc, dir, "$CC_DIR")
	}
	return cc
}

func localeInstalled(name string) bool {
	if strings.HasPrefix(name, "C.") || name == "C" || name == "POSIX" {
		return true
	}
	for _, file := range []string{"/usr/lib/locale/locale-archive", "/usr/lib/locale/" + name, "/usr/lib/locale/" + strings.Replace(name, "UTF-8", "utf8", 1)} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// requires counts the modules that a go.mod requires.
func requires(file string) int {
	data, err := readSmall(file)
	if err != nil {
		return 0
	}
	mod, err := modfile.ParseLax(file, data, nil)
	if err != nil {
		return 0
	}
	return len(mod.Require)
}
