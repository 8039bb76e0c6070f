package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// project is the smallest one; its module's name makes it another.
const project = `A host that imports plugin alone, and a plugin that imports nothing.

-- go.mod --
module example.test/chaos%d

go 1.20
-- plugproof.toml --
[host]
package = "./host"

[[plugin]]
package = "./p"

[build]
flags = ["-trimpath", "-buildvcs=false"]
-- host/main.go --
package main

import (
	"os"
	"plugin"
)

func main() {
	for _, path := range os.Args[1:] {
		if _, err := plugin.Open(path); err != nil {
			os.Exit(1)
		}
	}
}
-- p/main.go --
package main

func Number() int { return %d }
`

// projects writes n projects and returns their names.
func projects(dir string, n int) ([]string, error) {
	var names []string
	for i := range n {
		name := filepath.Join(dir, fmt.Sprintf("chaos%d.txtar", i))
		if err := os.WriteFile(name, fmt.Appendf(nil, project, i, i), 0o644); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
