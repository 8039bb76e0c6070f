package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
)

// target is a machine with a C library, for which files are built and on which they are run.
type target struct{ arch, libc string }

func (t target) String() string { return t.arch + "-" + t.libc }

// targets: musl's are run in virtual machines, glibc's natively.
var targets = []target{{"amd64", "musl"}, {"arm", "musl"}, {"amd64", "glibc"}}

// recipe says how one file is made. One of pkg, c, from, data and link says of what.
type recipe struct {
	name  string
	pkg   string   // a package of the yard
	tree  string   // the variant of the yard: a key of trees
	flags []string // of go build
	env   []string
	paths bool     // without -trimpath
	more  bool     // of more.txtar, laid over the yard
	test  bool     // go test -c
	libs  []string // "place=recipe": put into {here} besides libfoo.so

	c      []string            // arguments of the C compiler after -o
	from   string              // another recipe, whose file is changed
	change func([]byte) []byte // with from
	strip  bool                // with from: by strip(1)
	tool   []string            // with from: by a program of the binutils, which gets source and result after these
	data   string              // the file's contents
	link   string              // a symbolic link to this recipe's file
	dir    bool                // a directory

	only   []string // the targets on which it makes sense, by String, arch or libc; nil: all
	since  int      // the first minor release that can build it
	before int      // the first that cannot
	silent string   // what no file tells about it: its opens are listed apart
	where  string   // the libc with which it is silent; "" is any
}

// trees are the variants of the yard's sources: file, old text, new text.
var trees = map[string][]string{
	"":       nil,
	"shared": {"shared/shared.go", "Tags map[string]int", "Tags map[string]int\n\tMore int"},
	"extra":  {"extra/extra.go", "A, B int", "A, B, C int"},
	"second": {"second/second.go", "Names = map", "Other int\n\tNames = map"},
	"body":   {"shared/shared.go", "if n < 10 {", "if n < 10 && n != 77 {"}, // of a function that the host calls and nobody inlines
	"inline": {"shared/shared.go", "return x + 1", "return x + 2"},
	"top":    {"shared/shared.go", "package shared", "// A comment that moves every line.\n\npackage shared"},
	"end":    {"shared/shared.go", "return string(b)\n}", "return string(b)\n}\n\n// A comment that moves nothing."},
	"name":   {"shared/shared.go", "func Inl", "func unused() int { return 3 }\n\nfunc Inl"},
	"dots":   {"dots.v2/dots.go", "X, Y int", "X, Y, Z int", "dots.v2/dots.go", "&Dot{x, y}", "&Dot{X: x, Y: y}"},
	"import": {"shared/shared.go", "package shared", "package shared; import _ \"sync\""},
	"other":  {"go.mod", "example.test/agree", "example.test/agree"}, // the same sources in another directory
}

// recipes are all files that sequences name.
var recipes = slices.Concat(hosts, plugins, flagged, files, damaged, linkedHosts, linked, mixed)

var hosts = []recipe{
	{name: "host", pkg: "host"},
	{name: "host-s", pkg: "host", flags: []string{"-ldflags=-s -w"}},
	{name: "host-strip", from: "host", strip: true},
	{name: "host-bare", from: "host", change: withoutSections},
	{name: "host-pie", pkg: "host", flags: []string{"-buildmode=pie"}},
	{name: "host-static", pkg: "host", flags: []string{"-ldflags=-extldflags=-static"}},
	{name: "host-nocgo", pkg: "host", env: []string{"CGO_ENABLED=0"}},
	{name: "host-race", pkg: "host", flags: []string{"-race"}, only: []string{"amd64"}},
	{name: "host-all-l", pkg: "host", flags: []string{"-gcflags=all=-l"}},
	{name: "host-v3", pkg: "host", env: []string{"GOAMD64=v3"}, only: []string{"amd64"}},
	{name: "host-arm5", pkg: "host", env: []string{"GOARM=5"}, only: []string{"arm"}},
	{name: "host-paths", pkg: "host", paths: true},
}

var plugins = []recipe{
	{name: "p1.so", pkg: "p1"},
	{name: "p2.so", pkg: "p2"},
	{name: "p3.so", pkg: "p3"},
	{name: "p4.so", pkg: "p4"},
	{name: "p5.so", pkg: "p5"},
	{name: "p1-shared.so", pkg: "p1", tree: "shared"},
	{name: "p2-shared.so", pkg: "p2", tree: "shared"},
	{name: "p3-extra.so", pkg: "p3", tree: "extra"},
	{name: "p4-extra.so", pkg: "p4", tree: "extra"},
	{name: "p5-second.so", pkg: "p5", tree: "second"},
	{name: "p1-body.so", pkg: "p1", tree: "body"},
	{name: "p1-inline.so", pkg: "p1", tree: "inline"},
	{name: "p1-top.so", pkg: "p1", tree: "top"},
	{name: "p1-end.so", pkg: "p1", tree: "end"},
	{name: "p1-name.so", pkg: "p1", tree: "name"},
	{name: "p2-import.so", pkg: "p2", tree: "import"},
	{name: "pd.v1.so", pkg: "pd.v1"}, // paths with dots are escaped in symbols
	{name: "pd.v1-dots.so", pkg: "pd.v1", tree: "dots"},
	{name: "pe.so", pkg: "pe"},
	{name: "pe-dots.so", pkg: "pe", tree: "dots"},
	{name: "unnamed.so", pkg: "p1/main.go"}, // built of a file, not of a package
	{name: "unnamed-shared.so", pkg: "p1/main.go", tree: "shared"},
	{name: "unnamed-p5.so", pkg: "p5/main.go"},
	{name: "p5-path.so", pkg: "p5", flags: []string{"-ldflags=-pluginpath=example.test/else.where"}}, // one symbol: which of several is named is chance
	{name: "pe-path.so", pkg: "pe", flags: []string{"-ldflags=-pluginpath=example.test/else.where"}},
	{name: "unnamed-path.so", pkg: "p5/main.go", flags: []string{"-ldflags=-pluginpath=plugin/hot-1"}},
	{name: "cgo.so", pkg: "cgo"},
	{name: "csym.so", pkg: "csym", env: []string{"CGO_LDFLAGS=-Wl,--unresolved-symbols=ignore-all"}},
	{name: "needs.so", pkg: "needs", env: []string{"CGO_LDFLAGS=-L{here} -lfoo"}},
	{name: "needs-path.so", pkg: "needs", env: []string{"CGO_LDFLAGS=-L{here} -lfoo -Wl,-rpath,$ORIGIN"}},
	{name: "p5-foo.so", pkg: "p5", flags: []string{`-ldflags=-s "-extldflags=-Wl,--no-as-needed -L{here} -lfoo -Wl,-rpath,$ORIGIN"`}}, // brings what needs.so needs
	{name: "initpanic.so", pkg: "initpanic", silent: "its init panics"},
	{name: "inithang.so", pkg: "inithang", silent: "its init hangs"},
}

// flagged are plugins that are built with other flags than their host.
var flagged = []recipe{
	{name: "p1-s.so", pkg: "p1", flags: []string{"-ldflags=-s -w"}},
	{name: "p1-x.so", pkg: "p1", flags: []string{"-ldflags=-X main.Version=v1.2.3"}},
	{name: "p1-main-n.so", pkg: "p1", flags: []string{"-gcflags=-N"}},
	{name: "p1-all-l.so", pkg: "p1", flags: []string{"-gcflags=all=-l"}},
	{name: "p2-all-n.so", pkg: "p2", flags: []string{"-gcflags=all=-N"}, only: []string{"amd64-musl"}},
	{name: "p1-race.so", pkg: "p1", flags: []string{"-race"}, only: []string{"amd64"}},
	{name: "p1-cover.so", pkg: "p1", flags: []string{"-cover"}},
	{name: "p1-cover-all.so", pkg: "p1", flags: []string{"-cover", "-coverpkg=./..."}},
	{name: "p1-exp.so", pkg: "p1", env: []string{"GOEXPERIMENT=staticlockranking"}},
	{name: "p1-tag.so", pkg: "p1", flags: []string{"-tags=extra"}},
	{name: "p1-tag-unused.so", pkg: "p1", flags: []string{"-tags=nothing_has_it"}},
	{name: "p1-v3.so", pkg: "p1", env: []string{"GOAMD64=v3"}, only: []string{"amd64"}},
	{name: "p1-arm5.so", pkg: "p1", env: []string{"GOARM=5"}, only: []string{"arm"}},
	{name: "p1-arm6.so", pkg: "p1", env: []string{"GOARM=6"}, only: []string{"arm"}},
	{name: "p1-paths.so", pkg: "p1", paths: true},
	{name: "p1-paths-other.so", pkg: "p1", paths: true, tree: "other"},
	{name: "p1-cflags.so", pkg: "p1", env: []string{"CGO_CFLAGS=-O1"}},
	{name: "cgo-cflags.so", pkg: "cgo", env: []string{"CGO_CFLAGS=-O1"}},
}

// files are changed, foreign and damaged ones.
var files = []recipe{
	{name: "p1-strip.so", from: "p1.so", strip: true},
	{name: "p2-bare.so", from: "p2.so", change: withoutSections},
	{name: "copy.so", from: "p1.so", change: bytes.Clone},
	{name: "link.so", link: "p1.so"},
	{name: "cut.so", from: "p1.so", change: func(b []byte) []byte { b = withoutSections(b); return b[:len(b)-20000] }},
	{name: "cut-early.so", from: "p1.so", change: func(b []byte) []byte { return b[:8192] }},
	{name: "cut-headers.so", from: "p1.so", change: func(b []byte) []byte { return b[:100] }},
	{name: "cut-late.so", from: "p1.so", change: func(b []byte) []byte { return b[:len(b)-100] }},
	{name: "machine.so", from: "p1.so", change: func(b []byte) []byte { binary.LittleEndian.PutUint16(b[18:], uint16(elf.EM_AARCH64)); return b }},
	{name: "type.so", from: "p1.so", change: func(b []byte) []byte { binary.LittleEndian.PutUint16(b[16:], uint16(elf.ET_REL)); return b }},
	{name: "magic.so", from: "p1.so", change: func(b []byte) []byte { b[0] = 'E'; return b }},
	{name: "libfoo.so", c: []string{"-shared", "-fPIC", "lib/foo.c"}},
	{name: "tls.so", c: []string{"-shared", "-fPIC", "-ftls-model=initial-exec", "lib/tls.c"}, silent: "musl's message prints a variable that was never set", where: "musl"},
	{name: "tls2.so", c: []string{"-shared", "-fPIC", "-ftls-model=initial-exec", "-Wl,-z,lazy", "lib/tls2.c"}},
	{name: "program", c: []string{"-no-pie", "lib/main.c"}},
	{name: "program-pie", c: []string{"-pie", "-fPIE", "lib/main.c"}},
	{name: "empty.so", data: ""},
	{name: "short.so", data: "hello there\n"},
	{name: "text.so", data: "hello there, this is a text that is longer than an ELF header is: 64 bytes\n"},
	{name: "lfs.so", data: "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("e3b0c442", 8) + "\nsize 0\n"},
	{name: "directory.so", dir: true},
}

func recipeOf(name string) *recipe {
	for i := range recipes {
		if recipes[i].name == name {
			return &recipes[i]
		}
	}
	return nil
}

// suits reports whether the recipe makes sense on a target and for a release of Go.
func (r *recipe) suits(t target, minor int) bool {
	if minor < r.since || r.before != 0 && minor >= r.before {
		return false
	}
	return r.only == nil || slices.Contains(r.only, t.String()) || slices.Contains(r.only, t.arch) || slices.Contains(r.only, t.libc)
}

// withoutSections cuts off the section headers, which the loader does not need, and what lies behind the segments.
func withoutSections(b []byte) []byte {
	b = bytes.Clone(b)
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return b
	}
	end := uint64(0)
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	if f.Class == elf.ELFCLASS64 {
		clear(b[40:48]) // e_shoff
		clear(b[58:64]) // e_shentsize, e_shnum, e_shstrndx
	} else {
		clear(b[32:36])
		clear(b[46:52])
	}
	return b[:end]
}
