package vendored_test

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/plugproof/plugproof/verify/supply/vendored"
)

// project makes a module that vendors two others, with the real "go mod vendor", from a proxy tree in a folder.
func project(t *testing.T) (dir, tree string) {
	t.Helper()
	tree, dir = t.TempDir(), t.TempDir()
	publish(t, tree, "example.test/greet", "v1.2.0", map[string]string{
		"go.mod":                "module example.test/greet\n\ngo 1.21\n",
		"greet.go":              "package greet\n\nimport _ \"example.test/greet/words\"\n\nfunc Greet() string { return \"hello\" }\n",
		"hard.go":               "//go:build hardened\n\npackage greet\n",
		"gen.go":                "//go:build ignore\n\npackage main\n",
		"greet_test.go":         "package greet\n",
		"LICENSE":               "free\n",
		"words/words.go":        "package words\n",
		"unused/unused.go":      "package unused\n",
		"words/testdata/x.txt":  "x\n",
		"words/words_linux.go":  "package words\n",
		"words/words_plan9.s":   "\n",
		"words/README.md":       "words\n",
		"words/inner/go.mod":    "module example.test/greet/words/inner\n",
		"words/inner/inner.go":  "package inner\n",
		"words/_ignored/bad.go": "package bad\n",
	})
	publish(t, tree, "example.test/greet/deep", "v0.3.1", map[string]string{
		"go.mod":  "module example.test/greet/deep\n\ngo 1.21\n",
		"deep.go": "package deep\n",
	})
	write(t, dir+"/go.mod", "module example.test/app\n\ngo 1.21\n\nrequire (\n\texample.test/greet v1.2.0\n\texample.test/greet/deep v0.3.1\n)\n")
	write(t, dir+"/main.go", "package main\n\nimport (\n\t_ \"example.test/greet\"\n\t_ \"example.test/greet/deep\"\n)\n\nfunc main() {}\n")
	for _, args := range [][]string{{"mod", "tidy"}, {"mod", "vendor"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-modcacherw", "GOWORK=off", "GOPROXY=file://"+tree, "GONOSUMDB=*", "GONOSUMCHECK=1", "GOMODCACHE="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir, tree
}

// publish puts a module version into a proxy tree.
func publish(t *testing.T, tree, path, version string, files map[string]string) {
	t.Helper()
	src := t.TempDir()
	for name, text := range files {
		write(t, src+"/"+name, text)
	}
	at := tree + "/" + path + "/@v/"
	write(t, at+version+".info", `{"Version":"`+version+`"}`)
	write(t, at+version+".mod", files["go.mod"])
	var b bytes.Buffer
	if err := modzip.CreateFromDir(&b, module.Version{Path: path, Version: version}, src); err != nil {
		t.Fatal(err)
	}
	write(t, at+version+".zip", b.String())
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	dir, tree := project(t)
	zips := []string{t.TempDir(), tree}
	edit := func(name, from, to string) func(string) {
		return func(dir string) {
			data, err := os.ReadFile(dir + "/" + name)
			if err != nil || !strings.Contains(string(data), from) {
				t.Fatalf("%s: %v: %q", name, err, data)
			}
			write(t, dir+"/"+name, strings.Replace(string(data), from, to, 1))
		}
	}
	remove := func(name string) func(string) {
		return func(dir string) {
			if err := os.Remove(dir + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		do   func(dir string)
		want []string // kind and path
	}{
		{"as vendored", func(string) {}, nil},
		{"one byte", edit("vendor/example.test/greet/greet.go", "hello", "jello"), []string{"edited vendor/example.test/greet/greet.go"}},
		{"a longer file", edit("vendor/example.test/greet/words/words.go", "words", "words // x"), []string{"edited vendor/example.test/greet/words/words.go"}},
		{"a licence", edit("vendor/example.test/greet/LICENSE", "free", "mine"), []string{"edited vendor/example.test/greet/LICENSE"}},
		{"a new file", func(dir string) { write(t, dir+"/vendor/example.test/greet/evil.go", "package greet\n") }, []string{"added vendor/example.test/greet/evil.go"}},
		{"a file that go mod vendor leaves out, as it is", func(dir string) {
			write(t, dir+"/vendor/example.test/greet/words/README.md", "words\n")
		}, nil},
		{"a file of nobody", func(dir string) { write(t, dir+"/vendor/example.test/other/x.go", "package x\n") }, []string{"added vendor/example.test/other/x.go"}},
		{"a file that only some builds use", remove("vendor/example.test/greet/hard.go"), []string{"missing vendor/example.test/greet/hard.go"}},
		{"assembly for another system", remove("vendor/example.test/greet/words/words_plan9.s"), []string{"missing vendor/example.test/greet/words/words_plan9.s"}},
		{"a link", func(dir string) {
			remove("vendor/example.test/greet/greet.go")(dir)
			if err := os.Symlink("words/words.go", dir+"/vendor/example.test/greet/greet.go"); err != nil {
				t.Fatal(err)
			}
		}, []string{"linked vendor/example.test/greet/greet.go", "missing vendor/example.test/greet/greet.go"}},
		{"a linked folder", func(dir string) {
			if err := os.Rename(dir+"/vendor/example.test", dir+"/elsewhere"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("../elsewhere", dir+"/vendor/example.test"); err != nil {
				t.Fatal(err)
			}
		}, []string{"linked vendor/example.test", "missing vendor/example.test/greet/deep/deep.go", "missing vendor/example.test/greet/greet.go", "missing vendor/example.test/greet/hard.go",
			"missing vendor/example.test/greet/words/words.go", "missing vendor/example.test/greet/words/words_linux.go", "missing vendor/example.test/greet/words/words_plan9.s"}},
		{"another sum", edit("go.sum", "example.test/greet v1.2.0 h1:", "example.test/greet v1.2.0 h1:A"), []string{"bad-zip vendor/example.test/greet"}},
		{"no sum", edit("go.sum", "example.test/greet v1.2.0 h1:", "example.test/greet v1.2.9 h1:"), []string{"unsum vendor/example.test/greet"}},
		{"another version in the list", edit("vendor/modules.txt", "greet v1.2.0", "greet v1.3.0"), []string{"unsum vendor/example.test/greet", "list vendor/modules.txt"}},
		{"a replacement in the list alone", edit("vendor/modules.txt", "greet v1.2.0", "greet v1.2.0 => ../mine"), []string{"local vendor/example.test/greet", "list vendor/modules.txt"}},
		{"a list that cannot be read", edit("vendor/modules.txt", "# example.test/greet v1.2.0\n", ""), []string{"list vendor/modules.txt"}},
		{"a package left out of the list", edit("vendor/modules.txt", "example.test/greet/words\n", ""), nil}, // the build misses it; what is there is the module's
	} {
		t.Run(tt.name, func(t *testing.T) {
			work := t.TempDir()
			if err := os.CopyFS(work, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			tt.do(work)
			found, err := vendored.Check(context.Background(), work, vendored.Options{Zips: zips})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, string(f.Kind)+" "+f.Path)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d, found)
			}
		})
	}
	t.Run("no zip", func(t *testing.T) {
		found, err := vendored.Check(context.Background(), dir, vendored.Options{})
		if err != nil || len(found) != 2 || !found[0].Incomplete() || !found[1].Incomplete() {
			t.Error(found, err)
		}
	})
	t.Run("a zip with one changed byte", func(t *testing.T) {
		bad := t.TempDir()
		if err := os.CopyFS(bad, os.DirFS(tree)); err != nil {
			t.Fatal(err)
		}
		name := bad + "/example.test/greet/@v/v1.2.0.zip"
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			data[i] ^= 1
			write(t, name, string(data))
			data[i] ^= 1
			if sum, err := dirhash.HashZip(name, dirhash.Hash1); err == nil && sum == good(t, tree) {
				continue // a date or a flag that nothing reads
			}
			found, err := vendored.Check(context.Background(), dir, vendored.Options{Zips: []string{bad}})
			if err != nil || len(found) != 1 || found[0].Kind != vendored.BadZip {
				t.Fatalf("byte %d: %v, %v", i, found, err)
			}
		}
	})
}

func good(t *testing.T, tree string) string {
	t.Helper()
	sum, err := dirhash.HashZip(tree+"/example.test/greet/@v/v1.2.0.zip", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("# example.test/greet v1.2.0\n## explicit; go 1.21\nexample.test/greet\n"), []byte("example.test/greet v1.2.0 h1:AA=\n"), []byte("//go:build ignore\npackage x\n"))
	f.Add([]byte("# a.test/x v1.0.0 => ../x\n# a.test/y => b.test/z v1.0.0\n"), []byte(""), []byte("//go:build !(a && ignore)\n"))
	f.Fuzz(func(t *testing.T, list, sum, source []byte) {
		dir := t.TempDir()
		write(t, dir+"/go.mod", "module example.test/app\n\nrequire example.test/greet v1.2.0\n")
		write(t, dir+"/go.sum", string(sum))
		write(t, dir+"/vendor/modules.txt", string(list))
		write(t, dir+"/vendor/example.test/greet/x.go", string(source))
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("example.test/greet@v1.2.0/y.go")
		_, _ = w.Write(source)
		_ = z.Close()
		write(t, dir+"/zips/example.test/greet/@v/v1.2.0.zip", b.String())
		_, _ = vendored.Check(context.Background(), dir, vendored.Options{Zips: []string{dir + "/zips"}})
	})
}
