package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// goDigest identifies a GOROOT by VERSION, go.env, bin/go, pkg (tools and include) and lib, and by the sources of the standard
// library without its tests. src/cmd is left out: the tools count as they were built, in pkg/tool. _go.mod is go.mod's name
// in the toolchain module. So a release has one digest, whether it was unpacked from the archive or from the module.
func (s *Store) goDigest(ctx context.Context, root string) (results.Digest, error) {
	parts, err := goParts(root)
	if err != nil {
		return "", err
	}
	c := s.openCache("go", root)
	d, err := s.partsDigest(ctx, c, parts)
	if err != nil {
		return "", err
	}
	return d, c.save()
}

// goTrees are the directories of a GOROOT that count, and what of each.
var goTrees = []struct {
	name string
	keep func(rel string, isDir bool) bool
}{
	{"lib", nil},
	{"pkg", func(rel string, isDir bool) bool {
		return !isDir || rel != "obj" && rel != "bootstrap" && rel != "distpack"
	}},
	{"src", func(rel string, isDir bool) bool {
		base := filepath.Base(rel)
		if isDir { // the go command ignores directories that begin with _ or a dot
			return rel != "cmd" && base != "testdata" && !strings.HasPrefix(base, "_") && !strings.HasPrefix(base, ".")
		}
		return !strings.HasSuffix(base, "_test.go") && base != "_go.mod"
	}},
}

func goParts(root string) ([]part, error) {
	parts := []part{{label: "bin/go", path: filepath.Join(root, "bin", "go")}}
	if p := filepath.Join(root, "VERSION"); exists(p) { // a development tree may lack it
		parts = append(parts, part{label: "VERSION", path: p})
	}
	env, err := goEnvFile(filepath.Join(root, "go.env"))
	if err != nil {
		return nil, err
	}
	parts = append(parts, part{label: "go.env", digest: env})
	for _, tree := range goTrees {
		if !exists(filepath.Join(root, tree.name)) {
			continue
		}
		found, err := walk(filepath.Join(root, tree.name), tree.name, tree.keep)
		if err != nil {
			return nil, err
		}
		parts = append(parts, found...)
	}
	return parts, nil
}

// maxGoEnv bounds go.env, in bytes; releases have less than 1,000.
const maxGoEnv = 1 << 20

// goEnvFile digests the defaults that a go.env sets, GOENV=off or not. Comments do not count, nor do GOPROXY, GOSUMDB and
// GOTOOLCHAIN, which packagers change and which every build and fetch here sets itself. No file is an empty one.
func goEnvFile(path string) (results.Digest, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return results.DigestOf(nil), nil
	}
	if err != nil {
		return "", fmt.Errorf("reading go.env: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxGoEnv+1))
	if err == nil && len(data) > maxGoEnv {
		err = fmt.Errorf("%q is larger than %d bytes", path, maxGoEnv)
	}
	if err != nil {
		return "", fmt.Errorf("reading go.env: %w", err)
	}
	var counts []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch key, _, _ := strings.Cut(line, "="); {
		case line == "" || line[0] == '#' || key == "GOPROXY" || key == "GOSUMDB" || key == "GOTOOLCHAIN":
		default:
			counts = append(counts, line)
		}
	}
	return results.DigestOf([]byte(strings.Join(counts, "\n"))), nil
}
