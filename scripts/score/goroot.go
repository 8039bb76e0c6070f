package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/fixtures/leaks"
	"github.com/plugproof/plugproof/harness/toolchain"
	"github.com/plugproof/plugproof/results"
)

// patched is a copy of a GOROOT in which some files were edited. It is made once and kept in the cache.
func (w *world) patched(ctx context.Context, g toolchain.Go, edits map[string]string) (toolchain.Go, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := results.DigestOf([]byte(fmt.Sprint(g.Digest, edits))) // maps are printed in order
	dir := filepath.Join(w.cache, "inputs", "score-go-"+key.Short())
	if _, err := os.Stat(dir); err != nil {
		if err := copyGo(g.GOROOT, dir+".new", edits); err != nil {
			os.RemoveAll(dir + ".new")
			return g, fmt.Errorf("copying %s: %w", g.Name, err)
		}
		if err := os.Rename(dir+".new", dir); err != nil {
			return g, err
		}
	}
	return w.store.Go(ctx, "patched=path:"+dir)
}

func copyGo(from, to string, edits map[string]string) error {
	os.RemoveAll(to)
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "test" || rel == "doc" || rel == "api" || rel == filepath.Join("src", "cmd") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		return copyFile(path, filepath.Join(to, rel), d)
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		file := filepath.Join(to, filepath.FromSlash(name))
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if text, err = leaks.Edited(text, edits[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
