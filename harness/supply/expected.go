package supply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// An Expectation is what one host or plugin of a kit's projects came out as where the kit was made.
type Expectation struct {
	Sources  results.Digest `json:"sources"` // of the project: build.Tree.Sources
	Cell     results.Cell   `json:"cell"`
	Artifact string         `json:"artifact"` // as in records: "host", "plugin.0"
	SHA256   results.Digest `json:"sha256"`
	CC       results.Digest `json:"cc"` // what it was built with
	Libc     results.Digest `json:"libc"`
	HostGo   results.Digest `json:"host_go"`
	PluginGo results.Digest `json:"plugin_go"`
}

// key is what an expectation is looked up by. The project's name is left out: a fixture has another one in a kit.
func (e Expectation) key() string {
	cell := e.Cell
	cell.Project = ""
	return string(e.Sources) + " " + string(cell.ID()) + " " + e.Artifact
}

const (
	expectedSchema = "plugproof/expected/v1"
	// expectedDir is where expectations lie in a kit, one file for each kit's name.
	expectedDir = "expected"
	// maxExpected bounds such a file, in bytes: 50,000 artifacts.
	maxExpected = 64 << 20
)

type expectedDoc struct {
	Schema    string        `json:"schema"`
	Artifacts []Expectation `json:"artifacts"`
}

// Expect takes expectations from the rebuild steps of records: artifacts that came out the same on both sides. uneven names the others.
func Expect(records []results.Record) (list []Expectation, uneven []string) {
	for _, r := range records {
		if r.Step != results.Rebuild {
			continue
		}
		sides := map[string]results.Digest{}
		for _, a := range r.Artifacts {
			sides[a.Name] = a.SHA256
		}
		for _, side := range slices.Sorted(maps.Keys(sides)) {
			name, ok := strings.CutSuffix(side, ".a")
			if !ok {
				continue
			}
			if sides[side] != sides[name+".b"] || sides[side] == "" {
				uneven = append(uneven, name+" of "+r.Cell.String())
				continue
			}
			list = append(list, Expectation{Sources: r.Inputs.Sources, Cell: r.Cell, Artifact: name, SHA256: sides[side],
				CC: r.Inputs.CC, Libc: r.Inputs.Libc, HostGo: r.Inputs.HostGo, PluginGo: r.Inputs.PluginGo})
		}
	}
	return list, uneven
}

// ExpectedFile is the part of the kit called name that holds its expectations.
func ExpectedFile(name string, list []Expectation) (File, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Expectation) int {
		return cmp.Or(cmp.Compare(a.Cell.Project, b.Cell.Project), cmp.Compare(a.key(), b.key()))
	})
	data, err := json.MarshalIndent(expectedDoc{expectedSchema, list}, "", "\t")
	return File{Kind: Expected, Path: path.Join(expectedDir, name+".json"), Data: append(data, '\n')}, err
}

// Expectations are those of all kits that were unpacked into a cache.
type Expectations struct {
	rows    map[string]Expectation
	sources map[results.Digest]bool
}

// ReadExpectations reads them; there may be none. Kits that contradict each other are an error.
func ReadExpectations(cache string) (*Expectations, error) {
	x := &Expectations{map[string]Expectation{}, map[results.Digest]bool{}}
	names, err := filepath.Glob(filepath.Join(cache, expectedDir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if filepath.Base(name) == "plan.json" { // a run's
			continue
		}
		st, err := os.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !st.Mode().IsRegular() || st.Size() > maxExpected {
			return nil, fmt.Errorf("%q is no regular file of at most %d bytes: %w", name, maxExpected, fs.ErrInvalid)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := x.add(data); err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, err)
		}
	}
	return x, nil
}

func (x *Expectations) add(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var doc expectedDoc
	if err := d.Decode(&doc); err != nil {
		return err
	}
	if doc.Schema != expectedSchema {
		return fmt.Errorf("it is no list of expected artifacts, %s, but %.80q", expectedSchema, doc.Schema)
	}
	for _, e := range doc.Artifacts {
		for _, digest := range []results.Digest{e.Sources, e.SHA256, e.CC, e.Libc} {
			if _, err := results.ParseDigest(string(digest)); err != nil {
				return fmt.Errorf("%s of %s: %w", e.Artifact, e.Cell, err)
			}
		}
		if old, ok := x.rows[e.key()]; ok && old.SHA256 != e.SHA256 {
			return fmt.Errorf("two kits expect different bytes of %s of %s", e.Artifact, e.Cell)
		}
		x.rows[e.key()], x.sources[e.Sources] = e, true
	}
	return nil
}

// Len is how many artifacts are expected.
func (x *Expectations) Len() int { return len(x.rows) }

// Of is what is expected of an artifact of a cell that is built from sources.
func (x *Expectations) Of(sources results.Digest, cell results.Cell, artifact string) (Expectation, bool) {
	e, ok := x.rows[Expectation{Sources: sources, Cell: cell, Artifact: artifact}.key()]
	return e, ok
}

// Knows reports whether anything is expected of a project with these sources.
func (x *Expectations) Knows(sources results.Digest) bool { return x.sources[sources] }
