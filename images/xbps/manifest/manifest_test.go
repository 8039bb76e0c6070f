package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/plist"
)

var full = Props{
	Pkgver: "hello-1.0_1", Architecture: "x86_64-musl", ShortDesc: "says hello", InstalledSize: 12, LongDesc: "two\nlines",
	License: "MIT", Tags: "go demo", Preserve: true, RunDepends: []string{"libplug>=1.0_1"}, Provides: []string{"greeter-1.0_1"},
	Reverts: []string{"1.1_1"}, ConfFiles: []string{"/etc/hello.conf"}, ShlibRequires: []string{"libplug.so.1"},
	Alternatives: map[string][]string{"greet": {"greet:/usr/bin/hello"}}, FileSHA256: strings.Repeat("ab", 32), FileSize: 99,
}

func TestPropsRoundTrip(t *testing.T) {
	got, err := ParseProps(full.IndexDict())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(full, got); d != "" {
		t.Error(d)
	}
	inPackage := full
	inPackage.FileSHA256, inPackage.FileSize, inPackage.PackagedWith = "", 0, "xbps-src"
	d := inPackage.Dict()
	if d["pkgname"] != "hello" || d["version"] != "1.0_1" {
		t.Errorf("pkgname %q, version %q", d["pkgname"], d["version"])
	}
	if got, err = ParseProps(d); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(inPackage, got); d != "" {
		t.Error(d)
	}
	if p := full.Problems(); len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
}

func TestParsePropsRefuses(t *testing.T) {
	for name, change := range map[string]func(plist.Dict){
		"no version":   func(d plist.Dict) { d["pkgver"] = "hello" },
		"path in name": func(d plist.Dict) { d["pkgver"] = "../../etc/x-1.0_1" },
		"arch":         func(d plist.Dict) { d["architecture"] = "../x" },
		"no arch":      func(d plist.Dict) { delete(d, "architecture") },
		"list":         func(d plist.Dict) { d["run_depends"] = "libplug>=1" },
		"number":       func(d plist.Dict) { d["installed_size"] = "12" },
		"negative":     func(d plist.Dict) { d["filename-size"] = int64(-1) },
		"text":         func(d plist.Dict) { d["short_desc"] = int64(1) },
		"other name":   func(d plist.Dict) { d["pkgname"] = "bye" },
		"other vers":   func(d plist.Dict) { d["version"] = "2.0_1" },
		"alternatives": func(d plist.Dict) { d["alternatives"] = plist.Dict{"x": "y"} },
	} {
		d := full.Dict()
		change(d)
		if _, err := ParseProps(d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestProblems(t *testing.T) {
	p := Props{Pkgver: "a-1_1", Architecture: "noarch", RunDepends: []string{"barename", "ok>=0"}, Provides: []string{"v"},
		Replaces: []string{"old"}, Reverts: []string{"1.0"}, ConfFiles: []string{"/etc/../x"},
		Alternatives: map[string][]string{"g": {"only", "../../x:/usr/bin/y", "x:usr/y"}}}
	var classes []string
	for _, problem := range p.Problems() {
		classes = append(classes, problem.Class)
	}
	want := []string{BadDependency, BadProvides, BadPattern, BadReverts, BadConfFiles, BadAlternative, BadAlternative, BadAlternative}
	if d := cmp.Diff(want, classes); d != "" {
		t.Error(d)
	}
}

func TestFiles(t *testing.T) {
	want := Files{
		Files:     []File{{Path: "/usr/bin/hello", SHA256: strings.Repeat("0a", 32), Size: 5, Mutable: true}},
		ConfFiles: []File{{Path: "/etc/hello.conf", SHA256: strings.Repeat("0b", 32)}},
		Links:     []File{{Path: "/usr/bin/hi", Target: "/usr/bin/hello"}},
		Dirs:      []File{{Path: "/usr"}},
	}
	got, err := ParseFiles(want.Dict())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []File{{Path: "usr"}, {Path: "/usr/../etc"}, {Path: "/a//b"}, {Path: "/"}, {Path: "/x", SHA256: "zz"}} {
		if _, err := ParseFiles(Files{Files: []File{bad}}.Dict()); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range []plist.Dict{full.Dict(), full.IndexDict(), {"files": plist.Array{plist.Dict{"file": "/x"}}}} {
		text, err := plist.Encode(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := plist.Decode(data, plist.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		if p, err := ParseProps(d); err == nil {
			p.Problems()
		}
		ParseFiles(d)
	})
}
