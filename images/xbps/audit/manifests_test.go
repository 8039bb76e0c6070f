package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
)

func TestManifests(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r []binpkg.Recipe) []binpkg.Recipe
		want []string
	}{
		{"dependency missing", func(r []binpkg.Recipe) []binpkg.Recipe { return slices.Delete(r, 2, 3) }, []string{"missing-dependency " + indexFile}},
		{"dependency too old", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Props.RunDepends[0] = "libplug>=1.2"
			return r
		}, []string{"missing-dependency " + indexFile, "missing-library " + indexFile, "missing-library " + indexFile}},
		{"library missing", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[1].Props.ShlibProvides = []string{"libplug.so.2"}
			return r
		}, []string{"missing-library " + indexFile}},
		{"library outside the closure", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Props.RunDepends = []string{"musl>=0"}
			return r
		}, []string{"missing-library " + indexFile}},
		{"conflict with what it needs", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Props.Conflicts = []string{"virtual-shell>=0"}
			return r
		}, []string{"conflict " + indexFile}},
		{"glibc in musl", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0] = binpkg.Bytes("/usr/bin/hello", 0o755, elftest.Glibc.Build())
			return r
		}, []string{"elf-libc " + helloFile + " /usr/bin/hello", "elf-libc " + helloFile + " /usr/bin/hello", "undeclared-library " + helloFile + " /usr/bin/hello"}},
		{"arm in amd64", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0] = binpkg.Bytes("/usr/bin/hello", 0o755, elftest.ARM.Build())
			return r
		}, []string{"elf-machine " + helloFile + " /usr/bin/hello"}},
		{"firmware of another machine", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0] = binpkg.Bytes("/usr/lib/firmware/hello", 0o644, elftest.ARM.Build())
			return r
		}, nil},
		{"ELF in noarch", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[2].Sources[0] = binpkg.Bytes("/usr/bin/sh", 0o755, elftest.Musl.Build())
			return r
		}, []string{"elf-noarch sh-1_1.noarch.xbps /usr/bin/sh"}},
		{"damaged ELF", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0] = binpkg.Bytes("/usr/bin/hello", 0o755, []byte("\x7fELF\x09"))
			return r
		}, []string{"elf-damaged " + helloFile + " /usr/bin/hello"}},
		{"setuid", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0].Mode = 0o4755
			return r
		}, []string{"setuid " + helloFile + " /usr/bin/hello"}},
		{"setgid, anybody writes", func(r []binpkg.Recipe) []binpkg.Recipe {
			r[3].Sources[0].Mode = 0o2777
			return r
		}, []string{"setuid " + helloFile + " /usr/bin/hello", "world-writable " + helloFile + " /usr/bin/hello"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := audit(t, repository(t, c.do(good())), trusted())
			if d := cmp.Diff(c.want, brief(got)); d != "" {
				t.Errorf("%s\n%v", d, got)
			}
		})
	}
	r := good()
	r[3].Sources[0].Mode = 0o4755
	opt := trusted()
	opt.AllowSetuid = []string{"/usr/bin/hello"}
	if got := audit(t, repository(t, r), opt); len(got) != 0 {
		t.Errorf("allowed setuid: %v", got)
	}
	opt = trusted()
	opt.Assume = []string{"virtual-shell", "libc.so"}
	if got := audit(t, repository(t, slices.Delete(good(), 2, 3)), opt); len(got) != 0 {
		t.Errorf("assumed dependency: %v", got)
	}
}

// rewrite packs a good package again with another archive behind its metadata.
func rewrite(t *testing.T, name string, f func(h *tar.Header, body []byte) []byte) {
	t.Helper()
	change(t, name, func(data []byte) []byte {
		s, err := binpkg.Expand(bytes.NewReader(data), int64(len(data)), binpkg.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		in, w := tar.NewReader(s), tar.NewWriter(&out)
		for {
			h, err := in.Next()
			if err != nil {
				break
			}
			var body bytes.Buffer
			body.ReadFrom(in)
			b := f(h, body.Bytes())
			if b == nil && h.Typeflag == tar.TypeReg {
				continue
			}
			h.Size = int64(len(b))
			w.WriteHeader(h)
			w.Write(b)
		}
		w.Close()
		return out.Bytes()
	})
}

func TestArchives(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *tar.Header, body []byte) []byte
		want []string
	}{
		{"nothing", func(h *tar.Header, b []byte) []byte { return b }, nil},
		{"contents", func(h *tar.Header, b []byte) []byte {
			if h.Name == "./etc/hello.conf" {
				return []byte("y")
			}
			return b
		}, []string{"content-hash /etc/hello.conf"}},
		{"left out", func(h *tar.Header, b []byte) []byte {
			if h.Name == "./etc/hello.conf" {
				return nil
			}
			return b
		}, []string{"absent-file /etc/hello.conf"}},
		{"renamed", func(h *tar.Header, b []byte) []byte {
			h.Name = strings.Replace(h.Name, "hello.conf", "other.conf", 1)
			return b
		}, []string{"absent-file /etc/hello.conf", "unlisted-file /etc/other.conf"}},
		{"link elsewhere", func(h *tar.Header, b []byte) []byte {
			if h.Linkname != "" {
				h.Linkname = "/etc/shadow"
			}
			return b
		}, []string{"link-target /usr/bin/hi"}},
		{"owner by number", func(h *tar.Header, b []byte) []byte {
			if h.Name == "./usr/bin/hello" {
				h.Uid = 1000
			}
			return b
		}, []string{"owner /usr/bin/hello"}},
		{"owner by name", func(h *tar.Header, b []byte) []byte {
			if h.Name == "./usr/bin/hello" {
				h.Gname = "wheel"
			}
			return b
		}, []string{"owner /usr/bin/hello"}},
		{"hostile", func(h *tar.Header, b []byte) []byte {
			if h.Name == "./usr/bin/hello" {
				h.Name = "./../../bin/hello"
			}
			return b
		}, []string{"path-escape /../../bin/hello"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := repository(t, good())
			rewrite(t, filepath.Join(dir, helloFile), c.do)
			index(t, dir, testKey())
			got, err := Package(context.Background(), filepath.Join(dir, helloFile), trusted())
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, w := range c.want {
				class, path, _ := strings.Cut(w, " ")
				want = append(want, class+" "+helloFile+" "+path)
			}
			if d := cmp.Diff(want, brief(got)); d != "" {
				t.Errorf("%s\n%v", d, got)
			}
		})
	}
}
