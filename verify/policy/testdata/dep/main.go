// dep is a program with code of two other modules.
package main

import (
	"os"

	"golang.org/x/mod/semver"
	"golang.org/x/tools/txtar"
)

func main() {
	for _, name := range os.Args[1:] {
		println(semver.Canonical(name), len(txtar.Parse([]byte(name)).Files))
	}
}
