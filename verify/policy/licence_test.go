package policy_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/licensecheck"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/plugproof/plugproof/verify/policy"
)

// mit is the text of the MIT licence.
const mit = `Copyright (c) 2026 The Authors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// isc is the text of the ISC licence.
const isc = `Copyright (c) 2026 The Authors

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the
above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY
DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

// TestLicences: what the rules say of licence files, of which words is one package deep.
func TestLicences(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules policy.Rules
		greet map[string][]byte
		words map[string][]byte
		want  []string
	}{
		{"known", policy.Rules{}, files("LICENSE", mit), files("COPYING", isc), nil},
		{"allowed", policy.Rules{Licences: policy.Licences{Allow: []string{"MIT", "ISC"}}}, files("LICENSE", mit), files("LICENSE", isc), nil},
		{"one that is not allowed", policy.Rules{Licences: policy.Licences{Allow: []string{"MIT"}}}, files("LICENSE", mit), files("LICENSE", isc), []string{"go.mod:7 licence example.test/words@v0.3.0"}},
		{"one that is denied", policy.Rules{Licences: policy.Licences{Deny: []string{"ISC"}}}, files("LICENSE", isc), files("LICENSE", mit), []string{"go.mod:6 licence example.test/greet@v1.2.0"}},
		{"one whose family is denied", policy.Rules{Licences: policy.Licences{Deny: []string{"GPL-3.0-or-later"}}, Licensed: []policy.Licensed{{Module: "example.test/greet", Licence: "GPL-3.0", Reason: "x"}}}, nil, files("LICENSE", mit), []string{"go.mod:6 licence example.test/greet@v1.2.0"}},
		{"one that is allowed by its newer name", policy.Rules{Licences: policy.Licences{Allow: []string{"GPL-3.0-only"}}, Licensed: []policy.Licensed{{Module: "example.test/greet", Licence: "GPL-3.0", Reason: "x"}}}, nil, files("LICENSE", mit), nil},
		{"one of which later versions alone are allowed", policy.Rules{Licences: policy.Licences{Allow: []string{"GPL-3.0-or-later"}}, Licensed: []policy.Licensed{{Module: "example.test/greet", Licence: "GPL-3.0", Reason: "x"}}}, nil, files("LICENSE", mit), []string{"go.mod:6 licence example.test/greet@v1.2.0"}},
		{"two in one file", policy.Rules{Licences: policy.Licences{Deny: []string{"ISC"}}}, files("LICENSE", mit+"\n"+isc), files("LICENSE", mit), []string{"go.mod:6 licence example.test/greet@v1.2.0"}},
		{"none", policy.Rules{}, nil, files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"an empty one", policy.Rules{}, files("LICENSE", ""), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"an unknown text", policy.Rules{Licences: policy.Licences{Allow: []string{"MIT"}}}, files("LICENSE", "You may use this on Sundays."), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"a known one in a sea of other text", policy.Rules{}, files("LICENSE", mit+strings.Repeat("All of this belongs to us and to nobody else whatsoever. ", 40)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"one that is too long", policy.Rules{}, files("LICENSE", mit+strings.Repeat(" ", policy.MaxLicence)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"above the package alone", policy.Rules{}, files("LICENSE", mit), files("list/LICENSE", isc), nil},
		{"another package's alone", policy.Rules{}, files("LICENSE", mit), files("other/LICENSE", isc), []string{"go.mod:7 unknown-licence example.test/words@v0.3.0"}},
		{"a package's own is unknown, the module's is not", policy.Rules{}, files("LICENSE", mit), map[string][]byte{"LICENSE": []byte(mit), "list/LICENSE": []byte("mine")}, []string{"go.mod:7 unknown-licence example.test/words@v0.3.0"}},
		{"read by a person", policy.Rules{Licensed: []policy.Licensed{{Module: "example.test/greet@v1.2.0", Licence: "LicenseRef-House", Reason: "x"}}}, nil, files("LICENSE", mit), nil},
		{"read by a person, and denied", policy.Rules{Licences: policy.Licences{Deny: []string{"LicenseRef-House"}}, Licensed: []policy.Licensed{{Module: "example.test/greet", Licence: "LicenseRef-House", Reason: "x"}}}, nil, files("LICENSE", mit), []string{"go.mod:6 licence example.test/greet@v1.2.0"}},
		{"with a sentence before it", policy.Rules{}, files("LICENSE", "You may not sell what is made of this.\n\n"+mit), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a sentence after it", policy.Rules{}, files("LICENSE", mit+"\nNo commercial use."), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a sentence in it", policy.Rules{}, files("LICENSE", strings.Replace(mit, "\n\nTHE SOFTWARE", "\n\nCommercial use is not granted.\n\nTHE SOFTWARE", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a sentence in its notice", policy.Rules{}, files("LICENSE", strings.Replace(mit, "The Authors", "The Authors. Only for private use.", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a sentence below its notice", policy.Rules{}, files("LICENSE", strings.Replace(mit, "The Authors\n", "The Authors\nThe software stays in the house.\n", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a sentence below its notice, as comments", policy.Rules{}, files("LICENSE", strings.Replace("// "+strings.ReplaceAll(mit, "\n", "\n// "), "The Authors\n", "The Authors\n// The software stays in the house.\n", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"as comments", policy.Rules{}, files("LICENSE", "// "+strings.ReplaceAll(mit, "\n", "\n// ")), files("LICENSE", mit), nil},
		{"with a restriction where a name may stand", policy.Rules{}, files("LICENSE", strings.Replace(mit, "a copy of this software and", "a copy of this software for private use and", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"without a grant", policy.Rules{}, files("LICENSE", strings.Replace(mit, "sublicense, and/or sell", "and/or", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with another script's sentence in it", policy.Rules{}, files("LICENSE", strings.Replace(mit, "\n\nTHE SOFTWARE", "\n\n禁止商业使用\n\nTHE SOFTWARE", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with another script's sentence in its notice", policy.Rules{}, files("LICENSE", strings.Replace(mit, "The Authors", "The Authors 禁止商业使用", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a word that is broken by what is not shown", policy.Rules{}, files("LICENSE", strings.Replace(mit, "a copy of this software and", "a copy of this software for pri\u200bvate u\u200bse and", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a word of letters that look alike", policy.Rules{}, files("LICENSE", strings.Replace(mit, "a copy of this software and", "a copy of this non-cоmmercial software and", 1)), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"with a title, notices and marks", policy.Rules{}, files("LICENSE", "# The MIT License (MIT)\r\n=====\r\n\r\nCopyright © 2011-2019 Ana María B. <a@b.test>, mattn (https://b.test/x) and contributors. All rights reserved.\r\n"+strings.ReplaceAll(mit, "\n", "\r\n")), files("LICENSE", mit), nil},
		{"with another licence's title", policy.Rules{}, files("LICENSE", "GNU General Public License\n\n"+mit), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"whose address alone is named", policy.Rules{}, files("LICENSE", "https://opensource.org/licenses/MIT\n"), files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
		{"read by a person, for another version", policy.Rules{Licensed: []policy.Licensed{{Module: "example.test/greet <v1.2.0", Licence: "MIT", Reason: "x"}}}, nil, files("LICENSE", mit), []string{"go.mod:6 unknown-licence example.test/greet@v1.2.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := app(t)
			e.Texts = func(m module.Version, _ *module.Version, _, dirs []string) ([]policy.Texts, error) {
				switch m.Path {
				case "example.test/greet":
					return []policy.Texts{{From: "zip", Files: tt.greet}}, nil
				case "example.test/words":
					if diff := cmp.Diff([]string{".", "list"}, dirs); diff != "" {
						t.Error(diff)
					}
					return []policy.Texts{{From: "zip", Files: tt.words}}, nil
				}
				return []policy.Texts{{From: "zip", Files: files("LICENSE", mit)}}, nil
			}
			tt.rules.Pseudo = listed
			if len(tt.rules.Licences.Allow) > 0 {
				tt.rules.Licences.Allow = append(tt.rules.Licences.Allow, "MIT")
			}
			check(t, &tt.rules, e, tt.want)
		})
	}
}

func files(name, text string) map[string][]byte { return map[string][]byte{name: []byte(text)} }

func TestLicenceNames(t *testing.T) {
	for name, want := range map[string]bool{"LICENSE": true, "LICENCE.md": true, "license.txt": true, "LICENSE-APACHE": true, "COPYING.LESSER": true, "UNLICENSE": true, "MIT-LICENSE": true, "Licenses": true, "LICENSE_BSD": true,
		"license.go": false, "README.md": false, "NOTICE": false, "licensecheck": false, "copyingdata": false} {
		if policy.IsLicence(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestSources reads licence files from a zip that go.sum names, from one that it does not, from a vendor folder and from a directory.
func TestSources(t *testing.T) {
	dir, tree := t.TempDir(), t.TempDir()
	v := module.Version{Path: "example.test/Greet", Version: "v1.2.0"}
	file := filepath.Join(tree, "example.test", "!greet", "@v", "v1.2.0.zip")
	put(t, file, string(archive(t, v, map[string]string{"LICENSE": mit, "words/LICENSE": isc, "other/LICENSE": "x", "license.go": "package x", "go.mod": "module example.test/Greet"})))
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "vendor", "example.test", "Greet", "LICENSE"), isc)
	put(t, filepath.Join(dir, "api", "COPYING"), mit)
	dirs := []string{".", "nowhere", "words"}
	read := func(s policy.Sources, m module.Version, replace *module.Version) (map[string][]byte, error) {
		texts, err := s.Texts(m, replace, nil, dirs)
		if len(texts) != 1 {
			return nil, err
		}
		return texts[0].Files, err
	}
	root := policy.SourceRoot{Dir: dir, Sums: policy.Sums{v: sum}}
	for _, tt := range []struct {
		name    string
		src     policy.Sources
		replace *module.Version
		want    map[string][]byte
		missing string
	}{
		{"a zip", policy.Sources{Zips: []string{t.TempDir(), tree}, Roots: []policy.SourceRoot{root}}, nil, map[string][]byte{"LICENSE": []byte(mit), "words/LICENSE": []byte(isc)}, ""},
		{"a zip that go.sum does not name", policy.Sources{Zips: []string{tree}, Roots: []policy.SourceRoot{{Dir: dir, Sums: policy.Sums{v: "h1:x="}}}}, nil, nil, "go.sum names h1:x="},
		{"a vendor folder", policy.Sources{Roots: []policy.SourceRoot{root}}, nil, files("LICENSE", isc), ""},
		{"a directory", policy.Sources{Zips: []string{tree}, Roots: []policy.SourceRoot{root}}, &module.Version{Path: "./api"}, files("COPYING", mit), ""},
		{"no directory", policy.Sources{Roots: []policy.SourceRoot{root}}, &module.Version{Path: "../away"}, nil, "no directory"},
		{"nothing", policy.Sources{Roots: []policy.SourceRoot{{Dir: tree}}}, nil, nil, "neither its zip nor a vendor folder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.src, v, tt.replace)
			var missing *policy.MissingError
			if tt.missing != "" {
				if !errors.As(err, &missing) || !strings.Contains(err.Error(), tt.missing) {
					t.Errorf("%v, want %q", err, tt.missing)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMissingTextIsNoFinding: a licence that could not be read is incomplete evidence.
func TestMissingTextIsNoFinding(t *testing.T) {
	e := app(t)
	e.Texts = policy.Sources{}.Texts
	r, err := policy.Check(&policy.Rules{Pseudo: listed}, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if !f.Incomplete || f.Kind != policy.NotLooked {
			t.Errorf("%+v", f)
		}
	}
	if len(r.Findings) != 3 {
		t.Errorf("%d findings for 3 modules", len(r.Findings))
	}
}

// TestEveryKnownLicenceIsAccepted: an identifier that can be recognised can be written.
func TestEveryKnownLicenceIsAccepted(t *testing.T) {
	var ids []string
	for _, l := range licensecheck.BuiltinLicenses() {
		ids = append(ids, l.ID)
	}
	if err := (&policy.Rules{Licences: policy.Licences{Deny: ids}}).Check(); err != nil {
		t.Error(err)
	}
}

func archive(t testing.TB, v module.Version, contents map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range contents {
		w, err := z.Create(v.String() + "/" + name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
