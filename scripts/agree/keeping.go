package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// key is the digest of all that an observation depends on.
func (a *agree) key(sc *scene) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q %q\n", sc.target, a.base(sc.target), sc.names, sc.plugins)
	if sc.target.libc == "musl" {
		d, err := a.digest(a.compilers[sc.target].loader)
		if err != nil {
			return "", err
		}
		kernel, err := os.ReadDir(filepath.Join(a.cache, "inputs", "kernel-"+sc.target.arch, "boot"))
		fmt.Fprintf(h, "%s %v %v\n", d, kernel, err)
	}
	for _, f := range sc.files {
		d := ""
		if f.local != "" {
			var err error
			if d, err = a.digest(f.local); err != nil {
				return "", err
			}
		}
		fmt.Fprintf(h, "%q %s %q %v\n", f.name, d, f.target, f.dir)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (a *agree) digest(file string) (string, error) {
	if d := a.digests[file]; d != "" {
		return d, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	a.digests[file] = hex.EncodeToString(h.Sum(nil))
	return a.digests[file], nil
}

func (a *agree) seenFile(key string) string {
	return filepath.Join(a.shop.dir, "seen", key+".json")
}

// kept is an earlier observation, or nil.
func (a *agree) kept(key string) *seen {
	b, err := os.ReadFile(a.seenFile(key))
	s := &seen{}
	if err != nil || json.Unmarshal(b, s) != nil {
		return nil
	}
	return s
}

func (a *agree) keep(key string, s *seen) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file := a.seenFile(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
