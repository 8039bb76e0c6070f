package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// shapesDir holds a file for each shape, named by the digest of what it describes.
const shapesDir = "shapes"

// Bounds of what is read, in bytes and files.
const (
	maxShape  = 16 << 20
	maxShapes = 1 << 14
)

// AddShape keeps a shape, unless there is one of the same file.
func (r *Run) AddShape(s results.Shape) error { return WriteShape(r.Dir, s) }

// HasShape reports whether the run has a shape of a file.
func (r *Run) HasShape(d results.Digest) bool {
	_, err := os.Stat(filepath.Join(r.Dir, shapesDir, d.Hex()+".json"))
	return err == nil
}

// WriteShape keeps a shape in the run in dir, unless there is one of the same file.
func WriteShape(dir string, s results.Shape) error {
	if _, err := results.ParseDigest(string(s.SHA256)); err != nil {
		return fmt.Errorf("keeping a shape: %w", err)
	}
	name := s.SHA256.Hex() + ".json"
	dir = filepath.Join(dir, shapesDir)
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("keeping a shape: %w", err)
	}
	data, err := results.Canonical(s)
	if err == nil {
		err = writeFile(dir, name, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the shape of %s: %w", s.SHA256.Short(), err)
	}
	return nil
}

// Shapes reads the shapes of the run in dir, by the digest of what they describe. A run without any is no error: older ones have none.
func Shapes(dir string) (map[results.Digest]results.Shape, error) {
	out := map[results.Digest]results.Shape{}
	entries, err := os.ReadDir(filepath.Join(dir, shapesDir))
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading shapes: %w", err)
	}
	for _, e := range entries {
		hex, ok := strings.CutSuffix(e.Name(), ".json")
		digest, err := results.ParseDigest("sha256:" + hex)
		if !ok || err != nil {
			continue // a temporary file that a killed run left
		}
		if len(out) == maxShapes {
			return nil, fmt.Errorf("reading shapes: there are more than %d", maxShapes)
		}
		var s results.Shape
		err = open(filepath.Join(dir, shapesDir), e.Name(), func(r io.Reader) error {
			data, err := io.ReadAll(io.LimitReader(r, maxShape+1))
			switch {
			case err != nil:
				return err
			case len(data) > maxShape:
				return fmt.Errorf("more than %d bytes", maxShape)
			}
			if err := schemaIs(data, results.ShapeSchema); err != nil {
				return err
			}
			return strict(data, &s)
		})
		if err != nil {
			return nil, err
		}
		if s.SHA256 != digest {
			return nil, fmt.Errorf("reading shape %q: it describes %q", e.Name(), s.SHA256)
		}
		out[digest] = s
	}
	return out, nil
}
