package policy_test

import (
	"errors"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/verify/policy"
)

const pseudo = "v0.0.0-20260102030405-abcdef012345"

// pkg makes a package of a module "PATH@VERSION"; "" is the main module, "std" the standard library.
func pkg(path, mod string, imports ...string) policy.Package {
	p := policy.Package{Path: path, Imports: imports}
	switch mod {
	case "std":
		p.Standard = true
	case "":
		p.Main, p.Module.Path = true, "example.test/app"
	default:
		p.Module.Path, p.Module.Version, _ = strings.Cut(mod, "@")
	}
	return p
}

// app is a project: a host and a plugin, with three modules, one of which only the other needs.
func app(t *testing.T) policy.Evidence {
	t.Helper()
	m, err := policy.ParseGoMod("go.mod", []byte(`module example.test/app

go 1.26

require (
	example.test/greet v1.2.0
	example.test/words v0.3.0 // indirect
	example.test/raw `+pseudo+`
)
`))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := policy.ParseGoSum("go.sum", []byte("example.test/greet v1.2.0 h1:g=\nexample.test/greet v1.2.0/go.mod h1:x=\nexample.test/words v0.3.0 h1:w=\nexample.test/raw "+pseudo+" h1:r=\n"))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Evidence{
		Roots: []policy.Root{{Manifests: []policy.Manifest{m}, Sums: sums, SumFile: "go.sum", Builds: []policy.Build{
			{Subject: "host", Path: "example.test/app/host", Arch: "amd64", Packages: []policy.Package{pkg("plugin", "std"), pkg("example.test/raw", "example.test/raw@"+pseudo), pkg("example.test/app/host", "", "plugin", "example.test/raw")}},
			{Subject: "./plugin", Path: "example.test/app/plugin", Arch: "amd64", Packages: []policy.Package{
				pkg("example.test/words/list", "example.test/words@v0.3.0"), pkg("example.test/greet", "example.test/greet@v1.2.0", "example.test/words/list"),
				pkg("example.test/app/inner", "", "example.test/greet"), pkg("example.test/app/plugin", "", "example.test/app/inner")}},
		}}},
		RulesFile: "plugproof.toml",
		RuleLine:  func(string) int { return 7 },
		Now:       date(t, "2026-08-31"),
	}
}

func date(t *testing.T, s string) policy.Date {
	t.Helper()
	d, err := policy.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func days(n int) *int { return &n }

var listed = []policy.Pseudo{{Module: "example.test/raw@" + pseudo, Reason: "x", Date: "2026-08-01"}}

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules policy.Rules
		do    func(*policy.Evidence)
		want  []string // FILE:LINE KIND MODULE
	}{
		{"nothing but what always holds", policy.Rules{}, nil, []string{"go.mod:8 pseudo-version example.test/raw@" + pseudo}},
		{"a listed pseudo-version", policy.Rules{Pseudo: listed}, nil, nil},
		{"one that is accepted tomorrow", policy.Rules{Pseudo: []policy.Pseudo{{Module: listed[0].Module, Reason: "x", Date: "2026-09-01"}}}, nil, []string{"go.mod:8 pseudo-version example.test/raw@" + pseudo}},
		{"another commit of the same module", policy.Rules{Pseudo: []policy.Pseudo{{Module: "example.test/raw@v0.0.0-20260102030405-abcdef012346", Reason: "x", Date: "2026-08-01"}}}, nil, []string{"go.mod:8 pseudo-version example.test/raw@" + pseudo}},
		{"forbidden", policy.Rules{Pseudo: listed, Forbid: []string{"example.test/greet <v1.3.0"}}, nil, []string{"go.mod:6 forbidden example.test/greet@v1.2.0"}},
		{"forbidden in another case", policy.Rules{Pseudo: listed, Forbid: []string{"example.test/Greet"}}, nil, []string{"go.mod:6 forbidden example.test/greet@v1.2.0"}},
		{"forbidden below a version that it has", policy.Rules{Pseudo: listed, Forbid: []string{"example.test/greet <v1.2.0"}}, nil, nil},
		{"forbidden, and not built", policy.Rules{Pseudo: listed, Unused: []string{"example.test/..."}, Forbid: []string{"example.test/greet"}}, func(e *policy.Evidence) { e.Roots[0].Builds = e.Roots[0].Builds[:1] },
			[]string{"go.mod:6 forbidden example.test/greet@v1.2.0"}},
		{"allowed", policy.Rules{Pseudo: listed, Allow: []string{"example.test/..."}}, nil, nil},
		{"allowed but for one", policy.Rules{Pseudo: listed, Allow: []string{"example.test/raw", "example.test/greet@v1.2.0"}}, nil, []string{"go.mod:7 not-allowed example.test/words@v0.3.0"}},
		{"unused", policy.Rules{Pseudo: listed}, func(e *policy.Evidence) { e.Roots[0].Builds = e.Roots[0].Builds[:1] },
			[]string{"go.mod:6 unused example.test/greet@v1.2.0", "go.mod:7 unused example.test/words@v0.3.0"}},
		{"unused, and may be", policy.Rules{Pseudo: listed, Unused: []string{"example.test/greet", "example.test/words <v1.0.0"}}, func(e *policy.Evidence) { e.Roots[0].Builds = e.Roots[0].Builds[:1] }, nil},
		{"critical, nothing audited", policy.Rules{Pseudo: listed, Critical: []string{"./plugin"}}, nil, []string{"go.mod:6 unaudited example.test/greet@v1.2.0", "go.mod:7 unaudited example.test/words@v0.3.0"}},
		{"critical, by its whole path", policy.Rules{Pseudo: listed, Critical: []string{"example.test/app/plugin/..."}, Audited: []policy.Audited{{Module: "example.test/greet", Reviewed: "2026-08-01"}}}, nil, []string{"go.mod:7 unaudited example.test/words@v0.3.0"}},
		{"critical, audited but for what it imports through another", policy.Rules{Pseudo: listed, Critical: []string{"./..."}, Audited: []policy.Audited{{Module: "example.test/greet >=v1.0.0", Reviewed: "2026-08-01"}, {Module: "example.test/raw", Reviewed: "2026-08-01"}}}, nil,
			[]string{"go.mod:7 unaudited example.test/words@v0.3.0", "go.mod:7 unaudited example.test/words@v0.3.0"}}, // of ./inner and of ./plugin
		{"another version was audited", policy.Rules{Pseudo: listed, Critical: []string{"./inner"}, Audited: []policy.Audited{{Module: "example.test/greet@v1.1.0", Reviewed: "2026-08-01"}, {Module: "example.test/words", Reviewed: "2026-08-01"}}}, nil,
			[]string{"go.mod:6 unaudited example.test/greet@v1.2.0"}},
		{"critical on one architecture only", policy.Rules{Pseudo: listed, Critical: []string{"./plugin"}, Audited: []policy.Audited{{Module: "example.test/greet", Reviewed: "2026-08-01"}, {Module: "example.test/words", Reviewed: "2026-08-01"}}}, func(e *policy.Evidence) {
			arm := policy.Build{Subject: "./plugin", Path: "example.test/app/plugin", Arch: "arm64", Packages: []policy.Package{pkg("example.test/raw", "example.test/raw@"+pseudo), pkg("example.test/app/plugin", "", "example.test/raw")}}
			e.Roots[0].Builds = append([]policy.Build{arm}, e.Roots[0].Builds...)
		}, []string{"go.mod:8 unaudited example.test/raw@" + pseudo}},
		{"unused, but not all could be listed", policy.Rules{Pseudo: listed, Critical: []string{"./plugin"}}, func(e *policy.Evidence) {
			e.Roots[0].Builds, e.Roots[0].Partial = e.Roots[0].Builds[:1], []string{"amd64"}
		}, nil},
		{"critical, and nothing fits", policy.Rules{Pseudo: listed, Critical: []string{"./plugni"}}, nil, []string{"plugproof.toml:7 dead-rule"}},
		{"an old review", policy.Rules{Pseudo: listed, ReviewDays: days(29), Audited: []policy.Audited{{Module: "example.test/...", Reviewed: "2026-08-01"}}}, nil,
			[]string{"plugproof.toml:7 old-review example.test/greet@v1.2.0", "plugproof.toml:7 old-review example.test/raw@" + pseudo, "plugproof.toml:7 old-review example.test/words@v0.3.0"}},
		{"old enough", policy.Rules{Pseudo: listed, ReviewDays: days(30), Audited: []policy.Audited{{Module: "example.test/greet", Reviewed: "2026-08-01"}, {Module: "example.test/words", Reviewed: "2026-06-01", Days: days(91)}}}, nil, nil},
		{"a review of tomorrow", policy.Rules{Pseudo: listed, Audited: []policy.Audited{{Module: "example.test/greet", Reviewed: "2026-09-01"}}}, nil, []string{"plugproof.toml:7 old-review example.test/greet@v1.2.0"}},
		{"no sum", policy.Rules{Pseudo: listed}, func(e *policy.Evidence) {
			delete(e.Roots[0].Sums, policy.Version{Path: "example.test/greet", Version: "v1.2.0"})
		}, []string{"go.mod:6 sum example.test/greet@v1.2.0"}},
		{"two sums", policy.Rules{Pseudo: listed}, func(e *policy.Evidence) {
			e.Roots[0].Sums.Add(policy.Sums{{Path: "example.test/greet", Version: "v1.2.0"}: "h1:other="})
		}, []string{"go.mod:6 sum example.test/greet@v1.2.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := app(t)
			if tt.do != nil {
				tt.do(&e)
			}
			check(t, &tt.rules, e, tt.want)
		})
	}
}

func check(t *testing.T, rules *policy.Rules, e policy.Evidence, want []string) {
	t.Helper()
	r, err := policy.Check(rules, e)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, f := range r.Findings {
		at := f.File
		if f.Line > 0 {
			at += ":" + strconv.Itoa(f.Line)
		}
		got = append(got, strings.TrimSpace(at+" "+string(f.Kind)+" "+f.Module))
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Error(diff)
	}
}

// replaced is the project with a replacement of greet, as go list tells it.
func replaced(t *testing.T, e *policy.Evidence, by policy.Version) {
	t.Helper()
	m, err := policy.ParseGoMod("go.mod", []byte("module example.test/app\n\nrequire example.test/greet v1.2.0\n\nreplace example.test/greet => "+strings.TrimSpace(by.Path+" "+by.Version)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	e.Roots[0].Manifests[0] = m
	p := pkg("example.test/greet", "example.test/greet@v1.2.0")
	p.Replace = &by
	e.Roots[0].Builds = []policy.Build{{Subject: "host", Arch: "amd64", Packages: []policy.Package{p, pkg("example.test/app/host", "", "example.test/greet")}}}
	e.Roots[0].Sums = policy.Sums{{Path: "example.test/fork", Version: "v1.0.0"}: "h1:f="}
}

var digest = "h1:" + strings.Repeat("A", 43) + "="

func TestReplace(t *testing.T) {
	dir, fork := policy.Version{Path: "../greet"}, policy.Version{Path: "example.test/fork", Version: "v1.0.0"}
	may := func(with string) []policy.Replace {
		return []policy.Replace{{Module: "example.test/greet", With: with, Reason: "x"}}
	}
	for _, tt := range []struct {
		name  string
		rules policy.Rules
		by    policy.Version
		want  []string
	}{
		{"a directory", policy.Rules{}, dir, []string{"go.mod:5 replaced example.test/greet"}},
		{"a listed directory", policy.Rules{Replace: may("../greet")}, dir, nil},
		{"another directory than the listed one", policy.Rules{Replace: may("../other")}, dir, []string{"go.mod:5 replaced example.test/greet"}},
		{"a fork", policy.Rules{Replace: may("example.test/fork v0.9.0")}, fork, []string{"go.mod:5 replaced example.test/greet"}},
		{"a listed fork", policy.Rules{Replace: may("example.test/fork@v1.0.0")}, fork, nil},
		{"a forbidden fork", policy.Rules{Replace: may("example.test/fork v1.0.0"), Forbid: []string{"example.test/fork"}}, fork, []string{"go.mod:5 forbidden example.test/greet"}},
		{"an audit of what was replaced says nothing", policy.Rules{Replace: may("../greet"), Critical: []string{"./host"}, Audited: []policy.Audited{{Module: "example.test/greet", Reviewed: "2026-08-01"}}}, dir, []string{"go.mod:3 unaudited example.test/greet@v1.2.0"}},
		{"an audit of the directory does", policy.Rules{Replace: may("../greet"), Critical: []string{"./host"}, Audited: []policy.Audited{{Path: "../greet", Digest: digest, Reviewed: "2026-08-01"}}}, dir, nil},
		{"an audit of what it held before does not", policy.Rules{Replace: may("../greet"), Critical: []string{"./host"}, Audited: []policy.Audited{{Path: "../greet", Digest: "h1:" + strings.Repeat("B", 43) + "=", Reviewed: "2026-08-01"}}}, dir, []string{"go.mod:3 unaudited example.test/greet@v1.2.0"}},
		{"an audit of another directory that holds the same does not", policy.Rules{Replace: may("../greet"), Critical: []string{"./host"}, Audited: []policy.Audited{{Path: "../other", Digest: digest, Reviewed: "2026-08-01"}}}, dir, []string{"go.mod:3 unaudited example.test/greet@v1.2.0"}},
		{"an old audit of the directory", policy.Rules{Replace: may("../greet"), ReviewDays: days(1), Audited: []policy.Audited{{Path: "../greet", Digest: digest, Reviewed: "2026-08-01"}}}, dir, []string{"plugproof.toml:7 old-review example.test/greet@v1.2.0"}},
		{"an audit of the fork does", policy.Rules{Replace: may("example.test/fork v1.0.0"), Critical: []string{"./host"}, Audited: []policy.Audited{{Module: "example.test/fork@v1.0.0", Reviewed: "2026-08-01"}}}, fork, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := app(t)
			replaced(t, &e, tt.by)
			e.Digests = func(string, []string) (map[string]string, error) { return map[string]string{"/greet": digest}, nil }
			check(t, &tt.rules, e, tt.want)
		})
	}
}

// TestReplacedInList: go.mod is clean, and what [build] runs before the go command wrote another one.
func TestReplacedInList(t *testing.T) {
	by := policy.Version{Path: "../greet"}
	for _, tt := range []struct {
		rules policy.Rules
		want  []string
	}{
		{policy.Rules{}, []string{"go.mod:6 replaced example.test/greet@v1.2.0"}},
		{policy.Rules{Replace: []policy.Replace{{Module: "example.test/greet", With: "../greet", Reason: "x"}}}, nil},
	} {
		e := app(t)
		e.Roots[0].Builds[1].Packages[1].Replace = &by
		tt.rules.Pseudo = listed
		check(t, &tt.rules, e, tt.want)
	}
}

// TestReplacedInBuildInfo: go.mod is clean, and the file was built with a replacement.
func TestReplacedInBuildInfo(t *testing.T) {
	info := &debug.BuildInfo{Path: "example.test/app/plugin", Main: debug.Module{Path: "example.test/app"}, Deps: []*debug.Module{
		{Path: "example.test/greet", Version: "v1.2.0", Replace: &debug.Module{Path: "../greet", Version: "(devel)"}},
		{Path: "example.test/words", Version: "v0.3.0", Sum: "h1:other="}}, Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "amd64"}}}
	file := policy.File{Name: "p.so", Go: "go1.26.8", Info: info, Packages: []string{"example.test/app/inner", "example.test/app/plugin", "example.test/greet", "example.test/words/list", "runtime"}}
	e := app(t)
	e.Files, e.Std = []policy.File{file}, map[string]map[string]bool{"go1.26.8": {"runtime": true}}
	check(t, &policy.Rules{Pseudo: listed}, e, []string{"p.so replaced example.test/greet@v1.2.0", "p.so sum example.test/words@v0.3.0"})

	e.Files[0].Packages = append(file.Packages, "example.test/app/backdoor", "example.test/words/more", "evil.test/x", "tiny")
	check(t, &policy.Rules{Pseudo: listed}, e, []string{"p.so hidden", "p.so hidden", "p.so replaced example.test/greet@v1.2.0", "p.so sum example.test/words@v0.3.0",
		"p.so unlisted example.test/app", "p.so unlisted example.test/words@v0.3.0"})
}

func TestSums(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "a v1 h1:x=\n": true, "a v1/go.mod h1:x=\n\na v1 h1:x=": true, "a v1\n": false, "<<<<<<< HEAD\n": false, "a v1 h1:x= more\n": false} {
		if _, err := policy.ParseGoSum("go.sum", []byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"example.test/x", []string{"example.test/x", "example.test/x@v1.0.0"}, []string{"example.test/x/y", "example.test/xx", "examplextest/x"}},
		{"example.test/x/...", []string{"example.test/x", "example.test/x/y@v1.0.0"}, []string{"example.test/xy", "example.test"}},
		{"....test/x", []string{"example.test/x", "a/b.test/x"}, []string{"example.test/x/y"}},
		{"...", []string{"anything@v0.0.1"}, nil},
		{"example.test/x >=v1.2.0 <v2.0.0-0", []string{"example.test/x@v1.2.0", "example.test/x@v1.99.0"}, []string{"example.test/x@v1.2.0-rc.1", "example.test/x@v2.0.0", "example.test/x", "example.test/x@v2.0.0-rc.1"}},
		{"example.test/x =v1.0.0", []string{"example.test/x@v1.0.0"}, []string{"example.test/x@v1.0.1"}},
		{"example.test/x@" + pseudo, []string{"example.test/x@" + pseudo}, []string{"example.test/x@v0.0.0"}},
		{"example.test/x >=v1.0.0 <=v1.0.0", []string{"example.test/x@v1.0.0"}, []string{"example.test/x@v1.0.1"}},
		{"example.test/x/v2 <v2.0.0", []string{"example.test/x/v2@v2.0.0-rc.1"}, []string{"example.test/x/v2@v2.0.0"}},
		{"gopkg.in/x.v3 <v4", []string{"gopkg.in/x.v3@v3.1.0"}, []string{"gopkg.in/x.v2@v2.1.0"}},
		{"example.test/x >=v2.0.0", []string{"example.test/x@v2.1.0+incompatible"}, []string{"example.test/x@v1.0.0"}},
		{"example.test/x >v1.0.0 <=v1.1.0", []string{"example.test/x@v1.1.0"}, []string{"example.test/x@v1.0.0"}},
	} {
		p, err := policy.ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for want, list := range map[bool][]string{true: tt.yes, false: tt.no} {
			for _, s := range list {
				path, version, _ := strings.Cut(s, "@")
				if p.Matches(policy.Version{Path: path, Version: version}) != want {
					t.Errorf("%s and %s: %v", tt.pattern, s, !want)
				}
			}
		}
	}
	for _, bad := range []string{"", " ", "example.test/*", "/abs", "a//b", "example.test/x v1.0.0", "example.test/x >=1.0.0", "example.test/x@", "example.test/x ~v1", "-x", strings.Repeat("a", 2000),
		"example.test/x >=v2.0.0 <v1.0.0", "example.test/x >v1.0.0 <=v1.0.0", "example.test/x >=v1.0.0 <v1.0.0", "example.test/x =v1.0.0 =v1.1.0", "example.test/x@v1.0.0 >v1.0.0",
		"example.test/x/v2 <v1.9.0", "example.test/x/v2 <v2.0.0-0", "example.test/x/v2 >=v3.0.0", "gopkg.in/x.v2@v1.0.0"} {
		if p, err := policy.ParsePattern(bad); err == nil {
			t.Errorf("%q was taken as %s", bad, p)
		}
	}
}

func TestEmptyAllow(t *testing.T) {
	for _, r := range []policy.Rules{{Allow: []string{}}, {Licences: policy.Licences{Allow: []string{}}}} {
		if err := r.Check(); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
}

// TestRuleErrors: rules that cannot mean what they seem to are refused, at their place.
func TestRuleErrors(t *testing.T) {
	for _, tt := range []struct {
		rules policy.Rules
		key   string
	}{
		{policy.Rules{ReviewDays: days(0)}, "review_days"},
		{policy.Rules{ReviewDays: days(-1)}, "review_days"},
		{policy.Rules{Audited: []policy.Audited{{Module: "a.test/b", Reviewed: "2026-08-01", Days: days(0)}}}, "audited.0.days"},
		{policy.Rules{Audited: []policy.Audited{{Reviewed: "2026-08-01"}}}, "audited.0.module"},
		{policy.Rules{Audited: []policy.Audited{{Path: "../x", Reviewed: "2026-08-01"}}}, "audited.0.path"},
		{policy.Rules{Audited: []policy.Audited{{Path: "x", Digest: digest, Reviewed: "2026-08-01"}}}, "audited.0.path"},
		{policy.Rules{Audited: []policy.Audited{{Path: "../x", Digest: "h1:x", Reviewed: "2026-08-01"}}}, "audited.0.digest"},
		{policy.Rules{Audited: []policy.Audited{{Module: "a.test/b", Path: "../x", Digest: digest, Reviewed: "2026-08-01"}}}, "audited.0.module"},
		{policy.Rules{Licensed: []policy.Licensed{{Digest: digest, Licence: "MIT", Reason: "x"}}}, "licensed.0.path"},
		{policy.Rules{Forbid: []string{"a.test/c", "a.test/b >=v2.0.0 <v1.0.0"}}, "forbid.1"},
	} {
		err := tt.rules.Check()
		var e *policy.RuleError
		if !errors.As(err, &e) || e.Key != tt.key {
			t.Errorf("%+v: %v, want an error at %s", tt.rules, err, tt.key)
		}
	}
}
