package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewTree(t *testing.T) {
	const module = "-- %/go.mod --\nmodule example.test/%\ngo 1.21\n"
	mod := func(names ...string) (s string) {
		for _, n := range names {
			s += strings.ReplaceAll(module, "%", n)
		}
		return s
	}
	type want struct {
		Base, Project string
		Roots, Fixed  []string
		VCS, Work     bool
	}
	for _, tt := range []struct {
		name    string
		files   string
		project string
		dirs    []string
		want    want
	}{
		{"module", mod("m"), "m", nil, want{Base: "m", Project: ".", Roots: []string{"."}}},
		{"project inside a module", mod("m") + "-- m/p/plugproof.toml --\n", "m/p", nil, want{Base: "m", Project: "p", Roots: []string{"."}}},
		{"no module", "-- p/x --\n", "p", nil, want{Base: "p", Project: ".", Roots: []string{"."}}},
		{"replace", mod("m", "lib", "other") + "-- m/go.mod --\nmodule m\nreplace x => ../lib\nreplace y => ./gone\nreplace z => /abs/dir\nreplace v => w v1.0.0\n", "m", nil,
			want{Base: ".", Project: "m", Roots: []string{"lib", "m"}, Fixed: []string{"/abs/dir"}}},
		{"replace of a replace counts, for it may be a main module elsewhere", mod("m", "lib", "deep") + "-- m/go.mod --\nmodule m\nreplace x => ../lib\n-- lib/go.mod --\nmodule x\nreplace y => ../deep\n", "m", nil,
			want{Base: ".", Project: "m", Roots: []string{"deep", "lib", "m"}}},
		{"go.work", mod("w/a", "w/b", "c") + "-- w/go.work --\ngo 1.21\nuse (\n./a\n./b\n../c\n)\n", "w/a", nil,
			want{Base: ".", Project: "w/a", Roots: []string{"c", "w"}, Work: true}},
		{"git", mod("g/m") + "-- g/.git/HEAD --\n", "g/m", nil, want{Base: "g", Project: "m", Roots: []string{"."}, VCS: true}},
		{"git worktree", mod("g/m") + "-- g/.git --\ngitdir: /elsewhere\n", "g/m", nil, want{Base: "g", Project: "m", Roots: []string{"."}, VCS: true}},
		{"other checkout", mod("x/m", "y/host"), "x/m", []string{"../../y/host"}, want{Base: ".", Project: "x/m", Roots: []string{"x/m", "y/host"}}},
		{"names that begin alike", mod("m", "m-2", "m/sub"), "m", []string{"../m-2", "sub"}, want{Base: ".", Project: "m", Roots: []string{"m-2", "m"}}},
		{"broken go.mod", "-- m/go.mod --\nmodule (((\n", "m", nil, want{Base: "m", Project: ".", Roots: []string{"."}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			extract(t, dir, tt.files)
			tr, err := NewTree(filepath.Join(dir, tt.project), tt.dirs)
			if err != nil {
				t.Fatal(err)
			}
			base, err := filepath.Rel(dir, tr.Base)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, want{base, tr.Project, tr.Roots, tr.Fixed, tr.VCS, tr.Work}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewTreeRefuses(t *testing.T) {
	dir := t.TempDir()
	extract(t, dir, "-- file --\n")
	for _, tt := range []struct {
		project string
		dirs    []string
	}{{"none", nil}, {"", []string{"none"}}, {"", []string{"file"}}} {
		_, err := NewTree(filepath.Join(dir, tt.project), tt.dirs)
		if own := (*Error)(nil); !errors.As(err, &own) || own.Kind != Usage {
			t.Errorf("%q %q: %v", tt.project, tt.dirs, err)
		}
	}
}

// snapshot describes everything beneath dir.
func snapshot(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		line := rel + " " + info.Mode().String() + " " + info.ModTime().UTC().Format(time.RFC3339Nano)
		if info.Mode()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(path)
			line += " -> " + target
		} else if info.Mode().IsRegular() {
			data, _ := os.ReadFile(path)
			line += " " + string(data)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCopyKeepsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	extract(t, dir, "-- go.mod --\nmodule m\n-- .git/HEAD --\nref: refs/heads/x\n-- a/b/run.sh --\n#!/bin/sh\n-- a/empty/.keep --\n-- .hidden/f --\nx")
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	for _, f := range []func() error{
		func() error { return os.Chmod(filepath.Join(dir, "a/b/run.sh"), 0o755) },
		func() error { return os.Chmod(filepath.Join(dir, ".hidden/f"), 0o400) },
		func() error { return os.Symlink("b/run.sh", filepath.Join(dir, "a/link")) },
		func() error { return os.Symlink("/etc/passwd", filepath.Join(dir, "a/out")) },
		func() error { return os.Symlink("../../nowhere", filepath.Join(dir, "a/dangling")) },
		func() error { return linkTime(filepath.Join(dir, "a/link"), old) },
		func() error { return os.Chtimes(filepath.Join(dir, "a/b/run.sh"), old, old) },
		func() error { return os.Chtimes(filepath.Join(dir, "a"), old, old) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	tr := tree(t, dir)
	to := t.TempDir()
	if _, err := tr.copyTo(to, 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot(t, dir), snapshot(t, to)); diff != "" {
		t.Error(diff)
	}
}

func TestCopyRefusesAndSkips(t *testing.T) {
	dir := t.TempDir()
	extract(t, dir, "-- go.mod --\nmodule m\n-- results/runs/1/plan.json --\n{}\n-- results/runs/code/x.go --\npackage code\n-- shard1/plan.json --\n{}\n-- shard1/records.jsonl --\n{}\n-- built/1/"+Mark+" --\n-- built/1/p.so --\n"+
		"-- report.xml --\n"+reportHead+"tests=\"1\"></testsuites>\n-- testdata/report.xml --\n"+reportHead+"tests=\"1\"></testsuites>\n-- other.xml --\n<testsuites/>\n-- cache/big --\n0123456789\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	tr, err := NewTree(dir, nil, filepath.Join(link, "cache"), filepath.Join(dir, "not-there"))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := tr.copyTo(to, 0); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, line := range snapshot(t, to) {
		names = append(names, strings.Fields(line)[0])
	}
	if diff := cmp.Diff([]string{".", "built", "go.mod", "other.xml", "results", "results/runs", "results/runs/code", "results/runs/code/x.go", "testdata", "testdata/report.xml"}, names); diff != "" {
		t.Error(diff)
	}
	if _, err := tr.copyTo(t.TempDir(), 20); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too large: %v", err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = tr.copyTo(t.TempDir(), 0)
	if own := (*Error)(nil); !errors.As(err, &own) || own.Kind != Usage || !strings.Contains(err.Error(), "named pipe") {
		t.Errorf("named pipe: %v", err)
	}
}

func TestSourcesDigest(t *testing.T) {
	dir := t.TempDir()
	extract(t, dir, "-- go.mod --\nmodule m\n-- a.go --\npackage a\n-- .git/HEAD --\nref: refs/heads/x\n-- .git/refs/heads/x --\n1\n-- .git/index --\n1\n")
	sum := func() string {
		d, err := tree(t, dir).Sources()
		if err != nil {
			t.Fatal(err)
		}
		return string(d)
	}
	first := sum()
	write := func(name, text string) func() error {
		return func() error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	for _, tt := range []struct {
		name    string
		change  func() error
		differs bool
	}{
		{"nothing", func() error { return nil }, false},
		{"time", func() error { return os.Chtimes(filepath.Join(dir, "a.go"), time.Now(), time.Now()) }, false},
		{"index", write(".git/index", "2"), false},
		{"commit", write(".git/refs/heads/x", "2"), true},
		{"content", write("a.go", "package b"), true},
		{"new file", write("b.go", "package b"), true},
		{"executable", func() error { return os.Chmod(filepath.Join(dir, "a.go"), 0o755) }, true},
		{"link", func() error { return os.Symlink("a.go", filepath.Join(dir, "l")) }, true},
	} {
		if err := tt.change(); err != nil {
			t.Fatal(err)
		}
		now := sum()
		if (now != first) != tt.differs {
			t.Errorf("%s: differs %v", tt.name, now != first)
		}
		first = now
	}
}

func TestSplitWords(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"date +%s", []string{"date", "+%s"}},
		{"  a\tb ", []string{"a", "b"}},
		{`a 'b c' "d e"f`, []string{"a", "b c", "d ef"}},
		{`a\ b \"c "\"d\x" ''`, []string{"a b", `"c`, `"d\x`, ""}},
		{`sh -c 'echo "$X"'`, []string{"sh", "-c", `echo "$X"`}},
		{`a 'b`, nil}, {`a\`, nil}, {"  ", nil},
	} {
		got, err := SplitWords(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != (tt.want == nil) {
			t.Errorf("%q: %v %s", tt.in, err, diff)
		}
	}
}

func TestQuoteFlags(t *testing.T) {
	got, err := quoteFlags([]string{"-trimpath", "-ldflags=-X 'a=b c'", "-tags=a,b", "-x=y z"})
	if want := `-trimpath "-ldflags=-X 'a=b c'" -tags=a,b '-x=y z'`; got != want || err != nil {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if _, err := quoteFlags([]string{`-x='"`}); err == nil {
		t.Error("both kinds of quotes were taken")
	}
}

func TestTailKeepsBothEnds(t *testing.T) {
	var l tail
	for range 3 << 10 {
		l.Write([]byte(strings.Repeat("m", 1<<10)))
	}
	l.Write([]byte("the end"))
	s := l.String()
	if len(s) > headKept+2*tailKept+100 || !strings.HasPrefix(s, "mm") || !strings.HasSuffix(s, "the end") || !strings.Contains(s, "bytes left out") {
		t.Errorf("%d bytes", len(s))
	}
}
