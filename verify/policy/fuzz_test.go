package policy

import (
	"archive/zip"
	"bytes"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/mod/module"
)

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"golang.org/x/... >=v0.20.0 <v1.0.0", "example.test/x@v1.2.0", "....test/x", "...", "a/b/...c", "x =v1"} {
		f.Add(s, "golang.org/x/mod", "v0.42.0")
	}
	f.Fuzz(func(t *testing.T, s, path, version string) {
		p, err := ParsePattern(s)
		if err != nil {
			return
		}
		p.Matches(module.Version{Path: path, Version: version})
		again, err := ParsePattern(p.String())
		if err != nil || again.Matches(module.Version{Path: path, Version: version}) != p.Matches(module.Version{Path: path, Version: version}) {
			t.Errorf("%q is %q, and that is another pattern: %v", s, p, err)
		}
	})
}

func FuzzManifests(f *testing.F) {
	f.Add([]byte("module example.test/app\n\ngo 1.26\n\nrequire (\n\ta.test/b v1.0.0 // indirect\n)\nreplace a.test/b => ../b\nexclude a.test/c v1.0.0\n"))
	f.Add([]byte("go 1.26\n\nuse (\n\t.\n\t./x\n)\nreplace a.test/b v1.0.0 => a.test/c v1.2.0\n"))
	f.Add([]byte("a.test/b v1.0.0 h1:x=\na.test/b v1.0.0/go.mod h1:y=\na.test/b v1.0.0 h1:z=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func(string, []byte) (Manifest, error){ParseGoMod, ParseGoWork} {
			m, err := parse("f", data)
			if err != nil {
				continue
			}
			lines := bytes.Count(data, []byte("\n")) + 1
			for _, r := range m.Requires {
				if r.Line < 1 || r.Line > lines {
					t.Errorf("%v is at line %d of %d", r, r.Line, lines)
				}
				m.replaced(r.Version)
			}
			for _, r := range m.Replaces {
				if r.Line < 1 || r.Line > lines {
					t.Errorf("%v is at line %d of %d", r, r.Line, lines)
				}
			}
		}
		if s, err := ParseGoSum("f", data); err == nil {
			s.Add(s)
		}
	})
}

// FuzzRead reads damaged files, and holds what comes of it against rules.
func FuzzRead(f *testing.F) {
	self, err := os.Executable()
	if err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:min(len(data), 1<<16)], uint32(0), []byte{})
	f.Add([]byte("\x7fELF\x02\x01\x01"), uint32(7), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, head []byte, at uint32, patch []byte) {
		b := bytes.Clone(data)
		if len(head) < 1<<12 { // else the file is the head alone
			copy(b, head)
			if int(at) < len(b) {
				copy(b[at:], patch)
			}
		} else {
			b = head
		}
		file, err := Read("f", bytes.NewReader(b), int64(len(b)), "")
		if err != nil {
			return
		}
		if _, err := Check(&Rules{}, Evidence{Roots: []Root{{}}, Files: []File{file}}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzPackageOf(f *testing.F) {
	for _, s := range []string{"example.test/x%2ey.(*T).M", "a/b.T.c/d.m", "x_cgo_munmap.cold", "go:struct { a/b.T }.M", "vendor/golang.org/x/net.F[go.shape.int]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, ok := PackageOf(s); ok && (p == "" || strings.ContainsAny(p, "()[]{} \n") || !isPluginPath(p) && module.CheckImportPath(p) != nil) {
			t.Errorf("%q is of %q", s, p)
		}
		composed(s, map[string]bool{"a/b": true, "c/d": true})
	})
}

func FuzzZip(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a.test/b@v1.0.0/LICENSE")
	if err != nil {
		f.Fatal(err)
	}
	w.Write([]byte("Permission to use, copy, modify"))
	z.Close()
	licencesIn(b.Bytes()) // the first call makes ready for all others, which takes longer than one input may
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		texts, err := textsOf(z, module.Version{Path: "a.test/b", Version: "v1.0.0"}, []string{".", "x"})
		if err != nil {
			return
		}
		for name, text := range texts.Files {
			if len(text) > MaxLicence+1 {
				t.Errorf("%s has %d bytes", name, len(text))
			}
			licencesIn(text)
		}
	})
}

// FuzzBuildInfo holds any build information against a project.
func FuzzBuildInfo(f *testing.F) {
	f.Add("path\ta.test/app/p\nmod\ta.test/app\t(devel)\t\ndep\ta.test/b\tv1.0.0\th1:x=\n=>\t../b\t(devel)\t\nbuild\tGOARCH=amd64\n", "a.test/b/c runtime x.test/y a.test/app/z")
	f.Fuzz(func(t *testing.T, text, packages string) {
		info, err := debug.ParseBuildInfo(text)
		if err != nil {
			return
		}
		m := Manifest{File: "go.mod", Module: "a.test/app", Requires: []Require{{module.Version{Path: "a.test/b", Version: "v1.0.0"}, false, 3}}}
		r, err := Check(&Rules{}, Evidence{Roots: []Root{{Manifests: []Manifest{m}}}, Files: []File{{Name: "f", Info: info, Packages: strings.Fields(packages)}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Findings {
			if x.Kind == "" || x.File == "" || x.Text == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzLicence: a text that is known is not known any more with a sentence that takes back what it grants.
func FuzzLicence(f *testing.F) {
	const isc = "Copyright (c) 2026 The Authors\n\nPermission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.\n"
	licencesIn([]byte(isc)) // as in FuzzZip
	f.Add([]byte(isc), uint16(0))
	f.Add([]byte("ISC License\n\n// © 2019 x <x@y.test>\n"+isc), uint16(30))
	f.Add([]byte("https://opensource.org/licenses/MIT"), uint16(3))
	f.Fuzz(func(t *testing.T, text []byte, at uint16) {
		if len(text) > 1<<13 {
			return
		}
		ids, strange := licencesIn(text, "example.test/x")
		if strange != "" || len(ids) == 0 || !utf8.Valid(text) {
			return
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		i := int(at) % (len(lines) + 1)
		more := slices.Concat(bytes.Join(lines[:i], nil), []byte("\nNobody may sell it without paying.\n"), bytes.Join(lines[i:], nil))
		if ids, strange := licencesIn(more, "example.test/x"); strange == "" {
			t.Errorf("%v, nothing strange: %q", ids, more)
		}
	})
}
