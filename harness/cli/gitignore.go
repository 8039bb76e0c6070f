package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// runsIgnored is the line that keeps runs out of git.
const runsIgnored = "/results/runs/"

// maxIgnore bounds a .gitignore that is read, in bytes.
const maxIgnore = 1 << 20

// ignores reports whether the .gitignore in dir has the line, in one of its usual forms.
func ignores(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, ".gitignore"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIgnore))
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(data)) {
		switch strings.Trim(strings.TrimSpace(line), "/") {
		case "results", "results/runs", "results/*", "results/runs/*":
			return true, nil
		}
	}
	return false, nil
}

// ignore adds the line to the .gitignore in dir.
func ignore(dir string) error {
	name := filepath.Join(dir, ".gitignore")
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("adding to .gitignore: %w", err)
	}
	text := string(old)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if err := os.WriteFile(name, []byte(text+runsIgnored+"\n"), 0o644); err != nil {
		return fmt.Errorf("adding to .gitignore: %w", err)
	}
	return nil
}

// inGit reports whether dir lies in a git repository's work tree.
func inGit(dir string) bool {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return true
		}
		if d == filepath.Dir(d) {
			return false
		}
	}
}
