package supply

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/plugproof/plugproof/results"
)

func FuzzExpected(f *testing.F) {
	d := results.DigestOf(nil)
	good, err := ExpectedFile("site", []Expectation{{Sources: d, Cell: results.Cell{Project: "example.test/p", Arch: "arm", HostGo: "go1.26.8"}, Artifact: "host", SHA256: d, CC: d, Libc: d}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Data)
	f.Add([]byte(`{"schema":"plugproof/expected/v1","artifacts":[{}]}`))
	f.Add([]byte(`{"schema":"plugproof/expected/v1","artifacts":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := &Expectations{map[string]Expectation{}, map[results.Digest]bool{}}
		if x.add(data) != nil {
			return
		}
		for _, e := range x.rows {
			if got, ok := x.Of(e.Sources, e.Cell, e.Artifact); !ok || got.SHA256 != e.SHA256 || !x.Knows(e.Sources) {
				t.Errorf("%+v was taken and is not found", e)
			}
		}
	})
}

// deb is a package whose only member is data, an archive of files that is not compressed.
func deb(data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	head := bytes.Repeat([]byte(" "), 60)
	copy(head, "data.tar")
	copy(head[48:], strconv.Itoa(len(data)))
	copy(head[58:], "`\n")
	b.Write(head)
	b.Write(data)
	return b.Bytes()
}

func FuzzUnpackDeb(f *testing.F) {
	for _, headers := range [][]tar.Header{
		{{Name: "./usr/"}, {Name: "./usr/bin/x"}, {Name: "./bin/y"}, {Name: "z", Linkname: "bin/y", Typeflag: tar.TypeLink}},
		{{Name: "a", Linkname: "../../../../up", Typeflag: tar.TypeSymlink}, {Name: "a/file"}},
		{{Name: "../up"}},
		{{Name: "a", Linkname: "../../up", Typeflag: tar.TypeLink}},
		{{Name: "dev", Typeflag: tar.TypeChar}},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			h.Format = tar.FormatUSTAR
			if err := w.WriteHeader(&h); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(deb(b.Bytes()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		name := filepath.Join(dir, "p.deb")
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(filepath.Join(dir, "root"))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		tools := &toolRoot{root, 1 << 20}
		_ = expand(context.Background(), []string{name}, func(r io.Reader) error { return tools.unpack(context.Background(), r) })
		there, err := fs.ReadDir(os.DirFS(dir), ".")
		if err != nil || len(there) != 2 {
			t.Errorf("beside the root there is %v, %v", there, err)
		}
	})
}
