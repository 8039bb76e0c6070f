package script

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"

	"github.com/plugproof/plugproof/results"
)

// extract writes the files of a txtar archive below a directory: `extract $FIXTURES/clock.txtar clock`.
func (s *session) extract(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: extract FILE.txtar DIR")
	}
	archive := txtar.Parse([]byte(ts.ReadFile(args[0])))
	if len(archive.Files) == 0 {
		ts.Fatalf("extract: %s holds no files", args[0])
	}
	for _, f := range archive.Files {
		if !filepath.IsLocal(f.Name) {
			ts.Fatalf("extract: %s: %q is not below the archive", args[0], f.Name)
		}
		name := filepath.Join(ts.MkAbs(args[1]), filepath.FromSlash(f.Name))
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(os.WriteFile(name, f.Data, 0o644))
	}
}

// ownCache gives the script a cache of its own, which lends what is in the common one by links, and points PLUGPROOF_CACHE to it:
// `owncache DIR`. Entries named after DIR are not lent, so that they begin empty: `owncache cache build`.
func (s *session) ownCache(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: owncache DIR [ENTRY-TO-LEAVE-OUT...]")
	}
	common, own := ts.Getenv("PLUGPROOF_CACHE"), ts.MkAbs(args[0])
	lend(ts, common, own, append([]string{"scratch", "build"}, args[1:]...))
	if !slices.Contains(args[1:], "build") { // where builds see their sources is one's own: it is a mount point
		lend(ts, filepath.Join(common, "build"), filepath.Join(own, "build"), []string{"at"})
	}
	ts.Setenv("PLUGPROOF_CACHE", own)
}

// lend makes a directory with links to the directories, and copies of the files, that are in another, except those left out.
func lend(ts *testscript.TestScript, from, to string, except []string) {
	entries, err := os.ReadDir(from)
	ts.Check(err)
	ts.Check(os.MkdirAll(to, 0o755))
	for _, e := range entries {
		switch {
		case slices.Contains(except, e.Name()):
		case e.IsDir():
			ts.Check(os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
		case e.Type().IsRegular():
			data, err := os.ReadFile(filepath.Join(from, e.Name()))
			ts.Check(err)
			ts.Check(os.WriteFile(filepath.Join(to, e.Name()), data, 0o644))
		}
	}
}

// digest demands that the files named have one and the same SHA-256, or with ! that no two have.
func (s *session) digest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: digest FILE FILE...")
	}
	seen := map[results.Digest]string{}
	for _, name := range args {
		d := results.DigestOf([]byte(ts.ReadFile(name)))
		if other, ok := seen[d]; ok && neg {
			ts.Fatalf("digest: %s and %s are the same: %s", other, name, d)
		}
		seen[d] = name
	}
	if !neg && len(seen) != 1 {
		ts.Fatalf("digest: %d different contents among %v", len(seen), args)
	}
}

// edit replaces text in a file, every occurrence, and demands that there is one: `edit FILE OLD NEW`. \n in OLD and NEW is a line's end.
func (s *session) edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text, old := ts.ReadFile(args[0]), strings.ReplaceAll(args[1], `\n`, "\n")
	if !strings.Contains(text, old) {
		ts.Fatalf("edit: %s does not contain %q", args[0], old)
	}
	text = strings.ReplaceAll(text, old, strings.ReplaceAll(args[2], `\n`, "\n"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// lines counts the lines of a file: `lines FILE 3`; with a regular expression, those that match it: `lines FILE 2 '"step":"load"'`.
func (s *session) lines(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: lines FILE NUMBER [REGEXP]")
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		ts.Fatalf("lines: %q is not a number", args[1])
	}
	_, matching := split(ts, args[0], append(args[2:], "")[0])
	if (len(matching) == want) == neg {
		ts.Fatalf("lines: %s has %d lines that match, want%s %d", args[0], len(matching), not(neg), want)
	}
}

// cut removes the lines of a file that match a regular expression, and demands that there is one: `cut FILE '"step":"load"'`.
func (s *session) cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FILE REGEXP")
	}
	kept, gone := split(ts, args[0], args[1])
	if len(gone) == 0 {
		ts.Fatalf("cut: no line of %s matches %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(kept, "")), 0o644))
}

// within demands that every line of the first file is in the second: `within before.jsonl after.jsonl`.
func (s *session) within(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: within FILE FILE")
	}
	have := map[string]bool{}
	for _, l := range strings.SplitAfter(ts.ReadFile(args[1]), "\n") {
		have[l] = true
	}
	for _, l := range strings.SplitAfter(ts.ReadFile(args[0]), "\n") {
		if l != "" && !have[l] {
			ts.Fatalf("within: %s lacks the line %q", args[1], l)
		}
	}
}

// nothing demands that a wildcard pattern matches no file: `nothing run/*.tmp`.
func (s *session) nothing(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nothing PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("nothing: there is %s", strings.Join(found, ", "))
	}
}

// split parts the lines of a file into those that do not match a regular expression, and those that do.
func split(ts *testscript.TestScript, file, expr string) (others, matching []string) {
	re, err := regexp.Compile(expr)
	ts.Check(err)
	for _, l := range strings.SplitAfter(ts.ReadFile(file), "\n") {
		switch {
		case l == "":
		case re.MatchString(strings.TrimSuffix(l, "\n")):
			matching = append(matching, l)
		default:
			others = append(others, l)
		}
	}
	return others, matching
}
