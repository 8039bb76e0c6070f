package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// LinkedPackage is one of the packages that a job is linked from, as the go command lists it.
type LinkedPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	ImportMap  map[string]string // imports that lead to another path, such as what is vendored
	Module     *LinkedModule     // nil for the standard library's
}

// LinkedModule is a module of the go command's build list.
type LinkedModule struct {
	Path, Version string
	Main          bool
	Replace       *struct{ Path, Version string }
}

// Linked lists the packages that a job is linked from, as side a sees them. Sources that cannot be listed are a Failure. Those of a
// published host are not listed: nil. A project's own build command may build something else.
func (b *Builder) Linked(ctx context.Context, j Job) ([]LinkedPackage, *Failure, error) {
	if err := j.check(); err != nil {
		return nil, nil, err
	}
	if j.Version != "" {
		return nil, nil, nil
	}
	scratch, done, err := b.scratch(ctx)
	if err != nil {
		return nil, nil, &Error{Op: "listing the packages of " + j.Subject, Err: err}
	}
	defer done()
	s, err := b.open(ctx, j, j.usual("a"), scratch)
	if err != nil {
		return nil, nil, err
	}
	defer s.shut()
	if failed, err := s.prepare(ctx); failed != nil || err != nil {
		return nil, failed, err
	}
	text, failed, err := s.list(ctx, j.Package, "-deps", "-json=ImportPath,Standard,Imports,ImportMap,Module")
	if failed != nil || err != nil {
		return nil, failed, err
	}
	var out []LinkedPackage
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var p LinkedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil, nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("reading go list's output: %w", err)
		}
		out = append(out, p)
	}
}
