package guest

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// sources are the agent's own: this package, the agent, and nothing else.
//
//go:embed *.go agent/*.go
var sources embed.FS

// notInGuest are the files of this package that only the host needs.
var notInGuest = map[string]bool{"embed.go": true, "report.go": true}

// mainSource is harness/cmd/plugproof-guest/main.go, which go:embed cannot reach from here; a test compares them.
const mainSource = `//go:build linux

// Command plugproof-guest is the init of plugproof's virtual machines.
package main

import "github.com/plugproof/plugproof/harness/guest/agent"

func main() { agent.Main() }
`

const (
	modulePath = "github.com/plugproof/plugproof"
	mainDir    = "harness/cmd/plugproof-guest"
	selfDir    = "harness/guest"
)

// MainPackage is the agent's main package inside the module that WriteSources writes.
const MainPackage = "./" + mainDir

// Source is one file that the agent is made of.
type Source struct {
	Name string // relative to the module's root
	Data []byte
}

// Sources are the files of a module that holds the agent alone, sorted by name.
func Sources() ([]Source, error) {
	list := []Source{
		{"go.mod", []byte("module " + modulePath + "\n\ngo 1.24\n")},
		{mainDir + "/main.go", []byte(mainSource)},
	}
	err := fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || notInGuest[name] {
			return err
		}
		data, err := sources.ReadFile(name)
		list = append(list, Source{selfDir + "/" + name, data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("collecting the guest's sources: %w", err)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// WriteSources writes the module into dir.
func WriteSources(dir string) error {
	list, err := Sources()
	if err != nil {
		return err
	}
	for _, s := range list {
		file := filepath.Join(dir, filepath.FromSlash(s.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("writing the guest's sources: %w", err)
		}
		if err := os.WriteFile(file, s.Data, 0o644); err != nil {
			return fmt.Errorf("writing the guest's sources: %w", err)
		}
	}
	return nil
}
