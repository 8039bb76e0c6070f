// Package userland holds the sources of the shell and the small commands of plugproof's virtual machines: u-root's command
// packages in one static program. They are a module of their own, embedded as text, so that u-root's requirements do not
// become plugproof's; harness/vm compiles them on demand.
package userland

import (
	_ "embed"
	"regexp"
	"sort"
)

//go:embed main.go.txt
var mainGo []byte

//go:embed own.go.txt
var ownGo []byte

//go:embed go.mod.txt
var goMod []byte

//go:embed go.sum.txt
var goSum []byte

// Sources are the files of the module, by name.
func Sources() map[string][]byte {
	return map[string][]byte{"main.go": mainGo, "own.go": ownGo, "go.mod": goMod, "go.sum": goSum}
}

// entry finds the commands' names in the two tables of the sources.
var entry = regexp.MustCompile(`"([a-z0-9]+)": +(?:[a-z0-9]+(?:\.New)?|func\(.*),`)

// Names are the commands of the program, sorted.
func Names() []string {
	seen := map[string]bool{"sh": true, "gosh": true}
	for _, src := range [][]byte{mainGo, ownGo} {
		for _, m := range entry.FindAllSubmatch(src, -1) {
			seen[string(m[1])] = true
		}
	}
	list := make([]string, 0, len(seen))
	for name := range seen {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}
