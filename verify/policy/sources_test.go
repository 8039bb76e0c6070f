package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/verify/policy"
)

// TestTextsOfSeveralRoots: a relative replacement means another directory in each checkout, and those of the checkouts that use the
// module are read.
func TestTextsOfSeveralRoots(t *testing.T) {
	dir := t.TempDir()
	for d, text := range map[string]string{"a/dep": "a", "b/dep": "b", "shared": "s", "a/only": "o"} {
		put(t, filepath.Join(dir, d, "LICENSE"), text)
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	s := policy.Sources{Roots: []policy.SourceRoot{{Dir: a}, {Dir: b}}}
	for _, tt := range []struct {
		path  string
		roots []string
		want  string // the texts; "": none is at hand
	}{
		{"./dep", []string{a}, "a"},
		{"./dep", []string{b}, "b"},
		{"./dep", []string{a, b}, "a b"},
		{"./dep", nil, "a b"},
		{"../shared", []string{a, b}, "s"},
		{"./only", []string{a}, "o"},
		{"./only", nil, "o"},
		{"./only", []string{a, b}, ""},
		{"./none", nil, ""},
	} {
		texts, err := s.Texts(module.Version{Path: "dep.test/d", Version: "v1.0.0"}, &module.Version{Path: tt.path}, tt.roots, []string{"."})
		var missing *policy.MissingError
		if err != nil && !errors.As(err, &missing) {
			t.Fatal(err)
		}
		var got []string
		for _, x := range texts {
			got = append(got, string(x.Files["LICENSE"]))
		}
		if slices.Sort(got); strings.Join(got, " ") != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s from %d roots: %q, %v, want %q", tt.path, len(tt.roots), got, err, tt.want)
		}
	}
}

// TestDigests: a directory's digest is about the names and the bytes of all files but version control's; what it cannot be about is an error.
func TestDigests(t *testing.T) {
	dir := t.TempDir()
	s := policy.Sources{Roots: []policy.SourceRoot{{Dir: dir}}}
	digest := func() string {
		t.Helper()
		all, err := s.Digests("./x", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			return d
		}
		return ""
	}
	put(t, filepath.Join(dir, "x", "a.go"), "package x\n")
	put(t, filepath.Join(dir, "x", "y", "b.txt"), "b\n")
	first := digest()
	if want := "h1:owVKHl3XaEh6Li9xo8ATK0CDcdJZGq58qXz5AuV22pk="; first != want {
		t.Errorf("%s, want %s", first, want)
	}
	put(t, filepath.Join(dir, "x", ".git", "HEAD"), "ref\n")
	put(t, filepath.Join(dir, "x", "y", ".git"), "gitdir: ../..\n")
	if got := digest(); got != first {
		t.Error("version control's files count")
	}
	put(t, filepath.Join(dir, "x", "y", "b.txt"), "c\n")
	if digest() == first {
		t.Error("what a file holds does not count")
	}
	put(t, filepath.Join(dir, "x", "y", "b.txt"), "b\n")
	if err := os.Rename(filepath.Join(dir, "x", "a.go"), filepath.Join(dir, "x", "c.go")); err != nil {
		t.Fatal(err)
	}
	if digest() == first {
		t.Error("a file's name does not count")
	}
	if err := os.Symlink("c.go", filepath.Join(dir, "x", "d.go")); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Digests("./x", nil); err == nil {
		t.Errorf("a link was taken: %v", all)
	}
}
