package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// request is what a run was asked for. It lies beside the plan, so that the run can be resumed.
type request struct {
	Schema    string         `json:"schema"`
	Projects  []string       `json:"projects"` // as given, from -C
	Go        []string       `json:"go"`
	Arch      []string       `json:"arch"`
	Libc      []string       `json:"libc"`
	Pairs     string         `json:"pairs"`
	FreshBoot bool           `json:"fresh_boot"`
	NoBoot    bool           `json:"no_boot"`
	Cold      bool           `json:"cold"`
	Vary      string         `json:"vary,omitempty"`    // the choice of variations; the default set if it is left out
	Seed      uint64         `json:"seed,omitempty"`    // of searches among them
	Against   []string       `json:"against,omitempty"` // shipped files or digests, as given, from -C
	Inquire   bool           `json:"inquire,omitempty"` // find out why twins differ also where that is expected
	Steps     []results.Step `json:"steps"`             // null: all
	Images    []string       `json:"images,omitempty"`  // as given, from -C; the default one if it is left out
	Shard     string         `json:"shard,omitempty"`   // "2/7"; the whole plan if it is left out

	TestPlugin []string `json:"testplugin,omitempty"` // names of Go's own plugin tests, or "all" alone
}

const (
	requestSchema = "plugproof/request/v1"
	requestFile   = "request.json"
	maxRequest    = 1 << 20 // bytes
)

// file is the request as it lies in the run's directory.
func (r request) file() (store.File, error) {
	r.Schema = requestSchema
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return store.File{}, fmt.Errorf("writing the run's request: %w", err)
	}
	return store.File{Name: requestFile, Data: append(raw, '\n')}, nil
}

func readRequest(dir string) (request, error) {
	var req request
	file := filepath.Join(dir, requestFile)
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return req, usagef("start a new run", "run %q does not say what it was asked for: no %s", dir, requestFile)
	}
	if err != nil {
		return req, err
	}
	if info.Size() > maxRequest {
		return req, usagef("start a new run", "%q is longer than %d bytes", file, maxRequest)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return req, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil || req.Schema != requestSchema {
		return req, usagef("start a new run", "%q is no request of a run", file)
	}
	return req, nil
}

// everyFixture stands for all of them.
const everyFixture = fixtures.Prefix + "all"

// cellsOf reads a request's projects and makes its cells.
func (a *app) cellsOf(req request) ([]plan.Cell, error) {
	var args []string
	for _, arg := range req.Projects {
		if arg != everyFixture {
			args = append(args, arg)
			continue
		}
		for _, name := range fixtures.Names() {
			args = append(args, fixtures.Prefix+name)
		}
	}
	if len(args) == 0 && len(req.TestPlugin) > 0 {
		return nil, nil // only Go's own plugin tests: withGoTests
	}
	sources, err := a.projects(args)
	if err != nil {
		return nil, err
	}
	a.archives = map[*plan.Project]*fixtures.Archive{}
	for _, s := range sources {
		if s.Archive != nil {
			a.archives[s.Project] = s.Archive
		}
	}
	x := axes{goSpecs: req.Go, arch: req.Arch, libc: req.Libc, pairs: req.Pairs}
	sel := x.selection()
	sel.Steps = req.Steps
	if len(req.Images) > 0 {
		cache, err := a.openCache()
		if err != nil {
			return nil, err
		}
		if sel.Image, err = (&workshop{app: a, cache: cache, images: req.Images}).imageName(); err != nil {
			return nil, err
		}
	}
	return cells(sources, sel)
}
