package binpkg

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
)

func recipe() Recipe {
	return Recipe{
		Props: manifest.Props{Pkgver: "hello-1.0_1", Architecture: "x86_64-musl", ShortDesc: "says hello", ConfFiles: []string{"/etc/hello.conf"},
			RunDepends: []string{"libplug>=1.0_1"}},
		Sources: []Source{
			Bytes("/usr/bin/hello", 0o755, []byte("#!/bin/sh\n")),
			{Path: "/usr/bin/hi", Target: "hello"},
			Bytes("/etc/hello.conf", 0o644, []byte("x=1\n")),
			Bytes("/usr/share/"+string(bytes.Repeat([]byte("long/"), 40))+"name", 0o644, nil),
		},
		Install: []byte("#!/bin/sh\n"),
	}
}

func pack(t testing.TB, r Recipe) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(data []byte, l Limits) (*Reader, error) {
	return Open(bytes.NewReader(data), int64(len(data)), l)
}

// readAll reads a whole package and returns its entries, with the contents of files as Target.
func readAll(data []byte, l Limits) (entries []Entry, err error) {
	r, err := open(data, l)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		if e.Type == File {
			body, err := io.ReadAll(r)
			if err != nil {
				return entries, err
			}
			e.Target = string(body)
		}
		entries = append(entries, *e)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []string{"zstd", "xz", "gzip", "lz4", "none"} {
		t.Run(c, func(t *testing.T) {
			r := recipe()
			r.Compression = c
			data := pack(t, r)
			slices.Reverse(r.Sources)
			if !bytes.Equal(data, pack(t, r)) {
				t.Error("the order of sources shows in the bytes")
			}
			p, err := open(data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			want := r.Props
			want.InstalledSize = 14
			if d := cmp.Diff(want, p.Props); d != "" {
				t.Error(d)
			}
			if p.Compression != c || string(p.Install) != "#!/bin/sh\n" || p.Remove != nil {
				t.Errorf("compression %s, INSTALL %q, REMOVE %q", p.Compression, p.Install, p.Remove)
			}
			if d := cmp.Diff([]manifest.File{{Path: "/usr/bin/hi", Target: "/usr/bin/hello"}}, p.Files.Links); d != "" {
				t.Error(d)
			}
			entries, err := readAll(data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			epoch := time.Unix(0, 0)
			wantFirst := Entry{Path: "/etc/hello.conf", Type: File, Size: 4, Target: "x=1\n", Mode: 0o644, Uname: "root", Gname: "root", ModTime: epoch}
			if d := cmp.Diff(wantFirst, entries[0]); d != "" || len(entries) != 4 {
				t.Errorf("%d entries %s", len(entries), d)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*Recipe){
		"escape":      func(r *Recipe) { r.Sources[0].Path = "/../x" },
		"twice":       func(r *Recipe) { r.Sources[0] = r.Sources[2] },
		"through":     func(r *Recipe) { r.Sources[0].Path = "/usr/bin/hi/x" },
		"dependency":  func(r *Recipe) { r.Props.RunDepends = []string{"bare"} },
		"pkgver":      func(r *Recipe) { r.Props.Pkgver = "x" },
		"compression": func(r *Recipe) { r.Compression = "rar" },
		"size":        func(r *Recipe) { r.Sources[0].Size++ },
		"no contents": func(r *Recipe) { r.Sources[0].Open = nil },
	} {
		r := recipe()
		change(&r)
		if err := Write(io.Discard, r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCorpus reads what the real tools wrote, under five compressions.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpus/xbps/*/*.xbps")
	if len(files) == 0 {
		t.Skip("the corpus is not beside this repository")
	}
	seen := map[string]int{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := open(data, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		seen[r.Compression]++
		if got := r.Props.FileName(); got != filepath.Base(name) {
			t.Errorf("%s holds %s", name, got)
		}
		r.Close()
		for text, dict := range map[string]plist.Dict{string(r.PropsPlist): r.Props.Dict(), string(r.FilesPlist): r.Files.Dict()} {
			again, err := plist.Encode(dict)
			if d := cmp.Diff(text, string(again)); err != nil || d != "" { // nothing was lost, and we write what xbps writes
				t.Errorf("%s: %v %s", name, err, d)
			}
		}
		if _, err := readAll(data, Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []string{"zstd", "xz", "gzip", "bzip2", "none"} {
		if seen[c] == 0 {
			t.Errorf("no package under %s", c)
		}
	}
}

func TestDamaged(t *testing.T) {
	for _, c := range []string{"zstd", "xz", "gzip", "lz4", "none"} {
		r := recipe()
		r.Compression = c
		data := pack(t, r)
		for _, cut := range []int{0, 1, 5, 20, len(data) / 2, len(data) * 3 / 4} {
			var refusal *Refusal
			if _, err := readAll(data[:cut], Limits{}); !errors.As(err, &refusal) {
				t.Errorf("%s cut at %d of %d: %v", c, cut, len(data), err)
			}
		}
	}
}
