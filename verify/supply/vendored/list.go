package vendored

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"strings"

	"golang.org/x/mod/module"
)

// A mod is one module of vendor/modules.txt.
type mod struct {
	module.Version                // as required
	from           module.Version // where its files come from: itself, or its replacement; without Version a folder
	explicit       bool
	packages       []string
}

// MaxList bounds vendor/modules.txt, in bytes. Kubernetes's has 60 kB.
const MaxList = 16 << 20

// Modules are the modules, "path@version", whose files a vendor folder with this modules.txt has: replacements, where there are.
func Modules(list []byte) ([]string, error) {
	mods, err := parseList(list)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range mods {
		if m.from.Version != "" {
			out = append(out, m.from.String())
		}
	}
	return out, nil
}

// parseList reads vendor/modules.txt, which cmd/go/internal/modcmd/vendor.go writes: "# path version", with " => path
// [version]" where it is replaced, "## explicit; go 1.x", and a line per package. A version may be missing in lines at
// the end, which name replacements that no package comes from.
func parseList(data []byte) ([]mod, error) {
	var out []mod
	at := -1 // in out
	seen := map[string]bool{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(make([]byte, 0, 4096), 64<<10)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimRight(sc.Text(), "\r")
		bad := func(why string) error { return fmt.Errorf("vendor/modules.txt:%d: %s: %.200q", n, why, line) }
		switch {
		case line == "" || strings.HasPrefix(line, "## workspace"):
		case strings.HasPrefix(line, "## "):
			if at >= 0 {
				for _, word := range strings.Split(line[3:], ";") {
					out[at].explicit = out[at].explicit || strings.TrimSpace(word) == "explicit"
				}
			}
		case strings.HasPrefix(line, "# "):
			m, err := parseModule(line[2:])
			if err != nil {
				return nil, bad(err.Error())
			}
			if m.Version.Version == "" { // a replacement that is only listed
				at = -1
				continue
			}
			if seen[m.Path] {
				return nil, bad("the module is listed twice")
			}
			seen[m.Path] = true
			out = append(out, m)
			at = len(out) - 1
		case strings.HasPrefix(line, "#"):
			return nil, bad("it is no line of a module")
		default:
			if at < 0 {
				return nil, bad("a package before any module")
			}
			if module.CheckImportPath(line) != nil || path.Clean(line) != line || line != out[at].Path && !strings.HasPrefix(line, out[at].Path+"/") {
				return nil, bad("it is no package of " + out[at].Path)
			}
			out[at].packages = append(out[at].packages, line)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("vendor/modules.txt: %w", err)
	}
	return out, nil
}

func parseModule(s string) (mod, error) {
	left, right, replaced := strings.Cut(s, " => ")
	var m mod
	var err error
	if m.Version, err = parseVersion(left); err != nil {
		return m, err
	}
	m.from = m.Version
	if !replaced {
		return m, nil
	}
	words := strings.Fields(right)
	if len(words) == 1 { // a folder
		m.from = module.Version{Path: words[0]}
		return m, nil
	}
	if m.from, err = parseVersion(right); err == nil && m.from.Version == "" {
		err = fmt.Errorf("the replacement has no version")
	}
	return m, err
}

func parseVersion(s string) (module.Version, error) {
	words := strings.Fields(s)
	if len(words) == 1 {
		return module.Version{Path: words[0]}, module.CheckImportPath(words[0])
	}
	if len(words) != 2 {
		return module.Version{}, fmt.Errorf("it is no path with a version")
	}
	v := module.Version{Path: words[0], Version: words[1]}
	return v, module.Check(v.Path, v.Version)
}
