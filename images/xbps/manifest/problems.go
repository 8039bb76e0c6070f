package manifest

import (
	"fmt"
	"path"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
)

// Problem is something that a well-typed manifest has wrong: its class for machines, its text for people.
type Problem struct {
	Class string
	Text  string
}

// The classes of Problem.
const (
	BadDependency  = "bad-dependency"  // an element of run_depends without a comparison or a version
	BadPattern     = "bad-pattern"     // an element of replaces without a comparison or a version
	BadProvides    = "bad-provides"    // a virtual package without a version
	BadReverts     = "bad-reverts"     // a reverted version without a revision
	BadAlternative = "bad-alternative" // an alternative that is not link:target, or that leads out of the root
	BadConfFiles   = "bad-conf-files"  // a configuration file whose path is not clean
)

// Problems checks what ParseProps takes as mere text. The order is that of the fields.
func (p Props) Problems() []Problem {
	var out []Problem
	add := func(class, format string, args ...any) {
		out = append(out, Problem{class, fmt.Sprintf(format, args...)})
	}
	for _, dep := range p.RunDepends {
		if _, ok := xbps.DependencyName(dep); !ok {
			add(BadDependency, "dependency %q has no version comparison", dep)
		}
	}
	for _, v := range p.Provides {
		if _, _, ok := xbps.Split(v); !ok {
			add(BadProvides, "provided package %q has no version", v)
		}
	}
	for _, pattern := range p.Replaces {
		if _, ok := xbps.DependencyName(pattern); !ok {
			add(BadPattern, "replaced package %q has no version comparison", pattern)
		}
	}
	for _, v := range p.Reverts {
		if _, _, ok := xbps.Split("x-" + v); !ok {
			add(BadReverts, "reverted version %q has no revision", v)
		}
	}
	for _, file := range p.ConfFiles {
		if !CleanPath(strings.ReplaceAll(file, "*", "x")) {
			add(BadConfFiles, "configuration file %q is no clean absolute path", file)
		}
	}
	for _, group := range sortedKeys(p.Alternatives) {
		for _, alt := range p.Alternatives[group] {
			if _, _, err := ResolveAlternative(alt); err != nil {
				add(BadAlternative, "alternative %q of group %q %v", alt, group, err)
			}
		}
	}
	return out
}

// ResolveAlternative takes "link:target" apart and returns both as clean absolute paths: a relative link lies beside its
// target (lib/package_alternatives.c). An escape from the root and a missing colon are errors.
func ResolveAlternative(alt string) (link, target string, err error) {
	link, target, ok := strings.Cut(alt, ":")
	if !ok || link == "" || target == "" {
		return "", "", fmt.Errorf("is not link:target")
	}
	if !CleanPath(target) {
		return "", "", fmt.Errorf("has a target that is no clean absolute path")
	}
	if link[0] != '/' {
		link = path.Dir(target) + "/" + link
	}
	if link = strings.ReplaceAll(link, "//", "/"); !CleanPath(link) {
		return "", "", fmt.Errorf("has a link that is no clean path")
	}
	return link, target, nil
}
