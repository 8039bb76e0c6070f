package plan

import (
	"cmp"

	"golang.org/x/mod/modfile"

	"github.com/plugproof/plugproof/fixtures"
)

// LoadArchive reads the project at the root of an archive without extracting it. name is its identity, the module path if empty.
// Dir and Root stay empty until Place.
func LoadArchive(a *fixtures.Archive, name string) (*Project, error) {
	mod, ok := a.File("go.mod")
	if !ok {
		return nil, configError(a.Name, "a project lies in a Go module", "no go.mod at the archive's root")
	}
	module := modfile.ModulePath(mod)
	if module == "" {
		return nil, configError(a.Name+"/go.mod", "", "it has no module line")
	}
	data, ok := a.File(FileName)
	if !ok {
		return nil, configError(a.Name, "a project needs one", "no %s at the archive's root", FileName)
	}
	p, err := ParseProject(a.Name+"/"+FileName, data)
	if err != nil {
		return nil, err
	}
	p.Module, p.Name = module, cmp.Or(name, module)
	return p, nil
}

// Place says where the archive of the project was extracted.
func (p *Project) Place(dir string) { p.Dir, p.Root = dir, dir }
