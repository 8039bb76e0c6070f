package abi

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/links"
)

// common builds what the sequences of both C libraries use. The names of failures, F1 to F21, are those of plugproof's list (plugproof explain).
func (y *yard) common() {
	y.tree("shared", "shared/shared.go", "Tags map[string]int", "Tags map[string]int\n\tMore int")
	y.tree("extra", "extra/extra.go", "A, B int", "A, B, C int")
	y.tree("body", "shared/shared.go", "return 10", "return 99")
	y.build("host", "base", "host", nil)
	for _, p := range []string{"p1", "p2", "p3"} {
		y.build(p+".so", "base", p, nil)
	}
	y.build("p1-shared.so", "shared", "p1", nil)
	y.build("p2-shared.so", "shared", "p2", nil)
	y.build("p3-extra.so", "extra", "p3", nil)
	y.build("csym.so", "base", "csym", []string{"CGO_LDFLAGS=-Wl,--unresolved-symbols=ignore-all"})
	y.run(y.cc, "-shared", "-fPIC", "-o", "libfoo.so", "src/base/lib/foo.c")
	y.run(y.cc, "-shared", "-fPIC", "-ftls-model=initial-exec", "-o", "tls.so", "src/base/lib/tls.c")
	y.build("needs.so", "base", "needs", []string{"CGO_LDFLAGS=-L" + y.dir + " -lfoo"})
	y.build("needs-path.so", "base", "needs", []string{"CGO_LDFLAGS=-L" + y.dir + " -lfoo -Wl,-rpath,$ORIGIN"})
	y.build("keeps.so", "base", "keeps", nil)
	y.build("spoils-shared.so", "shared", "spoils", nil)
	y.build("names.so", "base", "names", nil)
	y.build("adds.so", "base", "adds", nil)
	y.build("uses.so", "base", "uses", []string{"CGO_LDFLAGS=-L" + y.dir + " -l:adds.so -Wl,-rpath,$ORIGIN", "CGO_LDFLAGS_ALLOW=-l:.*"})
	y.run(y.cc, "-shared", "-fPIC", "-o", "libuses.so", "src/base/lib/foo.c", "-L.", "-Wl,--no-as-needed", "-l:adds.so", "-Wl,-rpath,$ORIGIN")
	good := y.read("p1.so")
	y.write("copy.so", good)
	y.write("empty.so", nil)
	y.write("short.so", []byte("hello there\n"))
	y.write("text.so", []byte("hello there, this is a text that is longer than an ELF header is: 64 bytes\n"))
	y.write("cut.so", withoutSections(good)[:len(withoutSections(good))-20000])
	y.write("bare.so", withoutSections(good))
	other := y.read("p1.so")
	other[18], other[19] = 183, 0 // EM_AARCH64
	y.write("machine.so", other)
	if err := os.Link(filepath.Join(y.dir, "p1.so"), filepath.Join(y.dir, "hard.so")); err != nil {
		y.t.Fatal(err)
	}
	if err := os.Symlink("p1.so", filepath.Join(y.dir, "link.so")); err != nil {
		y.t.Fatal(err)
	}

	seq := func(s ...string) []string { return s }
	y.agree("three good ones", "host", seq("p1.so", "p2.so", "p3.so"), OK, OK, OK)
	y.agree("the same again", "host", seq("p1.so", "./p1.so", "link.so"), OK, OK, OK)
	y.agree("F1 no such file", "host", seq("nope.so", "p1.so"), NotFound, OK)
	y.agree("F2 text and empty files", "host", seq("empty.so", "short.so", "text.so", "text.so"), NotAPlugin, NotAPlugin, NotAPlugin, NotAPlugin)
	y.agree("F3 cut", "host", seq("p2.so", "cut.so", "p1.so"), OK, Abort, NotReached)
	y.agree("no section headers", "host", seq("bare.so"), OK)
	y.agree("F5 an executable", "host", seq("host", "p1.so"), NotAPlugin, OK)
	y.agree("F6 library is absent", "host", seq("needs.so", "p1.so"), DlopenError, OK)
	y.agree("F6 library is there", "host", seq("needs-path.so"), OK)
	y.agree("F6 library was loaded before", "host", seq("needs-path.so", "libfoo.so"), OK, NotAPlugin)
	y.agree("F7 symbol is missing", "host", seq("csym.so", "csym.so", "p1.so"), DlopenError, DlopenError, OK)
	y.agree("F13 no plugin, first", "host", seq("libfoo.so", "p1.so"), Abort, NotReached)
	y.agree("F14 no plugin, after a good one", "host", seq("p1.so", "libfoo.so", "p2.so"), OK, NotAPlugin, OK)
	y.agree("F13 no plugin, after a bad one", "host", seq("p1.so", "p2-shared.so", "libfoo.so"), OK, Mismatch, Abort)
	y.agree("F16 F17 package differs, again", "host", seq("p1-shared.so", "p1-shared.so"), Mismatch, Mismatch)
	y.agree("F18 copy", "host", seq("p1.so", "copy.so", "p2.so"), OK, AlreadyLoaded, OK)
	y.agree("F18 hard link", "host", seq("p1.so", "hard.so"), OK, AlreadyLoaded)
	y.agree("F19 two versions of a package that the host lacks", "host", seq("p2.so", "p3-extra.so"), OK, Mismatch)
	y.agree("F19 the other way", "host", seq("p3-extra.so", "p2.so"), OK, Mismatch)
	y.agree("F20 repaired build after a bad one", "host", seq("p1-shared.so", "p1.so"), Mismatch, Mismatch)
	y.agree("F21 poisoned", "host", seq("p2-shared.so", "p3.so"), Mismatch, Poisoned)
	y.agree("F21 poisoned by variables that the host left out", "host", seq("spoils-shared.so", "keeps.so"), Mismatch, Poisoned)
	y.agree("F21 a good one has them first", "host", seq("keeps.so", "spoils-shared.so", "keeps.so", "names.so"), OK, Mismatch, OK, OK)
	y.agree("F21 variables that nobody stores to", "host", seq("spoils-shared.so", "names.so"), Mismatch, OK)
	y.agree("a plugin that another needs as a library", "host", seq("uses.so", "adds.so", "p1.so", "uses.so"), OK, AlreadyLoaded, OK, OK)
	y.agree("a plugin that another needs, opened before", "host", seq("adds.so", "uses.so", "p1.so"), OK, OK, OK)
	y.agree("a library that needs a plugin, opened before", "host", seq("adds.so", "libuses.so", "p1.so"), OK, NotAPlugin, OK)
	if r := y.predict("host", seq("libuses.so")).Plugins[0]; r.Undecided == nil || r.Verdict != Abort {
		y.t.Errorf("a library that needs a plugin: %s, undecided %v", r.Verdict, r.Undecided)
	}
	y.slashes("host", "p1.so")
	y.orders("host", seq("p1.so", "p2.so", "p3.so", "p3-extra.so", "copy.so", "needs.so", "needs-path.so", "p1.so", "p2.so", "p1-shared.so", "libfoo.so"), 15)
}

// slashes opens a plugin by a path that begins with two slashes, which musl keeps, and by the same path with one: two names for the runtime there.
func (y *yard) slashes(host, plugin string) {
	paths := []string{"/" + filepath.Join(y.dir, plugin), filepath.Join(y.dir, plugin), "//" + filepath.Join(y.dir, plugin)}
	var ins []Input
	for _, p := range paths {
		in, done := OpenInput(p)
		defer done()
		ins = append(ins, in)
	}
	rep, err := Predict(y.input(host), ins, Options{Root: links.Dir("/")})
	if err != nil {
		y.t.Fatal(err)
	}
	var predicted []result
	for _, p := range rep.Plugins {
		predicted = append(predicted, said(p))
	}
	if d := cmp.Diff(y.open(host, paths), predicted); d != "" {
		y.t.Errorf("slashes at the beginning (-real +predicted):\n%s", d)
	}
}

// TestOriginOfLock: where a lock's host lies is not known.
func TestOriginOfLock(t *testing.T) {
	const list = "$ORIGIN/lib:/usr/lib:${ORIGIN}"
	o := &object{name: "/opt/host"}
	if d := cmp.Diff([]string{"/opt/lib", "/usr/lib", "/opt"}, origin(o, list)); d != "" {
		t.Error(d)
	}
	o.lock = &Lock{}
	if d := cmp.Diff([]string{"/usr/lib"}, origin(o, list)); d != "" {
		t.Error(d)
	}
}

func TestAgreeMusl(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	y.common()
	y.build("host-pie", "base", "host", nil, "-buildmode=pie")
	y.build("host-static", "base", "host", nil, "-ldflags=-extldflags=-static")
	y.build("host-nocgo", "base", "host", []string{"CGO_ENABLED=0"})
	y.build("p1-strip.so", "base", "p1", nil, "-ldflags=-s -w")
	y.run(y.cc, "-shared", "-fPIC", "-ftls-model=initial-exec", "-Wl,-z,lazy", "-o", "tls2.so", "src/base/lib/tls2.c")
	y.build("host-strip", "base", "host", nil, "-ldflags=-s -w")
	seq := func(s ...string) []string { return s }
	y.agree("F4 other machine", "host", seq("machine.so"), OK) // musl does not look
	y.agree("F5 a position-independent executable", "host", seq("host-pie"), Abort)
	y.agree("F5 an executable in a position-independent host", "host-pie", seq("host"), Abort)
	y.agree("F5 a static executable", "host", seq("host-static", "host-nocgo"), NotAPlugin, NotAPlugin)
	y.agree("F10 thread-local storage", "host", seq("tls.so", "p1.so"), Abort, NotReached) // musl crashes in its error message
	y.agree("F10 thread-local storage, behind a symbol", "host", seq("tls2.so", "p1.so"), DlopenError, OK)
	y.agree("F11 static host", "host-static", seq("p1.so", "nope.so"), HostCannotLoad, HostCannotLoad)
	y.agree("F12 host without cgo", "host-nocgo", seq("p1.so", "nope.so"), HostCannotLoad, HostCannotLoad)
	y.agree("stripped", "host-strip", seq("p1-strip.so", "p2.so"), OK, OK)
	y.agree("position-independent host", "host-pie", seq("p1.so", "p1-shared.so", "p2.so"), OK, AlreadyLoaded, OK)
	t.Logf("%d opens in %d sequences", counts.opens, counts.sequences)
}

func TestAgreeGlibc(t *testing.T) {
	y := newYard(t, libcGlibc, "gcc")
	y.common()
	y.build("host-pie", "base", "host", nil, "-buildmode=pie")
	seq := func(s ...string) []string { return s }
	y.agree("F4 other machine", "host", seq("machine.so"), DlopenError)
	y.agree("F5 a position-independent executable", "host", seq("host-pie"), NotAPlugin)
	y.agree("F13 thread-local storage", "host", seq("tls.so"), Abort)
	t.Logf("%d opens in %d sequences", counts.opens, counts.sequences)
}
