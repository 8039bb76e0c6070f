package repo

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/plist"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

var testKey = sync.OnceValue(func() *sign.PublicKey {
	k, err := sign.Generate(rand.Reader, sign.MinBits)
	if err != nil {
		panic(err)
	}
	return k.Public()
})

func pkg(pkgver string, change ...func(*manifest.Props)) manifest.Props {
	p := manifest.Props{Pkgver: pkgver, Architecture: "x86_64-musl", FileSHA256: strings.Repeat("ab", 32), FileSize: 7}
	for _, f := range change {
		f(&p)
	}
	return p
}

func needs(deps ...string) func(*manifest.Props) {
	return func(p *manifest.Props) { p.RunDepends = deps }
}

func sample() *Index {
	x := &Index{Stage: map[string]manifest.Props{"new": pkg("new-2_1")}, Meta: &Meta{Key: testKey(), SignatureBy: "T <t@example.test>", SignatureType: "rsa"}}
	x.Add(pkg("hello-1.0_1", needs("lib>=1.0_1", "virtual-shell>=0")))
	x.Add(pkg("lib-1.1_1", needs("hello>=0"))) // a cycle, as libc and its locales have
	x.Add(pkg("dash-1_1", func(p *manifest.Props) {
		p.Provides = []string{"virtual-shell-1_1"}
		p.Conflicts = []string{"oldsh>=0"}
	}))
	return x
}

func read(data []byte) (*Index, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func bytesOf(t testing.TB, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := bytesOf(t, sample())
	got, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{cmp.Comparer(func(a, b *sign.PublicKey) bool { return a.Equal(b) }), cmpopts.EquateEmpty()}
	if d := cmp.Diff(sample(), got, same); d != "" {
		t.Error(d)
	}
	if !bytes.Equal(data, bytesOf(t, got)) {
		t.Error("written again, the bytes differ")
	}
	empty, err := read(bytesOf(t, &Index{}))
	if err != nil || len(empty.Packages) != 0 || empty.Meta != nil {
		t.Errorf("an empty index: %+v %v", empty, err)
	}
}

func archive(entries ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w.WriteHeader(&tar.Header{Name: entries[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(entries[i+1]))})
		w.Write([]byte(entries[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func TestRead(t *testing.T) {
	one, _ := plist.Encode(plist.Dict{"a": pkg("a-1_1").IndexDict()})
	wrong, _ := plist.Encode(plist.Dict{"b": pkg("a-1_1").IndexDict()})
	noKey, _ := plist.Encode(plist.Dict{"signature-by": "x"})
	for _, c := range []struct {
		name    string
		entries []string
		err     string
	}{
		{"old and unsigned", []string{indexName, string(one), metaName, legacyMeta}, ""},
		{"old, with a line's end", []string{indexName, string(one), metaName, legacyMeta + "\n", stageName, ""}, ""},
		{"wrong order", []string{metaName, "", indexName, string(one)}, "want index.plist"},
		{"no meta", []string{indexName, string(one)}, "looking for index-meta.plist"},
		{"one more", []string{indexName, "", metaName, "", stageName, "", "x", ""}, "something follows"},
		{"wrong name", []string{indexName, string(wrong), metaName, ""}, "stands under the name"},
		{"no key", []string{indexName, "", metaName, string(noKey)}, "has no public key"},
		{"no plist", []string{indexName, "x", metaName, ""}, "want a tag"},
		{"nothing", nil, "no archive that xbps reads"},
	} {
		_, err := read(archive(c.entries...))
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}

func TestCorpus(t *testing.T) {
	names, _ := filepath.Glob("../../../../shared/corpus/xbps/*/*-repodata")
	more, _ := filepath.Glob("../../../../shared/corpus/xbps/*/*/*-repodata")
	if names = append(names, more...); len(names) == 0 {
		t.Skip("the corpus is not beside this repository")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if signed := x.Meta != nil; signed == strings.Contains(name, "unsigned") {
			t.Errorf("%s: signed is %v", name, signed)
		}
		var again bytes.Buffer
		if err := x.Write(&again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(expand(t, data), expand(t, again.Bytes())); d != "" { // nothing was lost, and we write what xbps-rindex writes
			t.Errorf("%s: %s", name, d)
		}
	}
}

// expand gives the entries of an index, name and text in turn.
func expand(t *testing.T, data []byte) (out []string) {
	t.Helper()
	s, err := binpkg.Expand(bytes.NewReader(data), int64(len(data)), binpkg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for r := tar.NewReader(s); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Name, string(body))
	}
}

func TestNewer(t *testing.T) {
	reverting := pkg("a-1_1", func(p *manifest.Props) { p.Reverts = []string{"2_1"} })
	for _, c := range []struct {
		a, b manifest.Props
		want bool
	}{
		{pkg("a-2_1"), pkg("a-1_1"), true},
		{pkg("a-1_1"), pkg("a-2_1"), false},
		{pkg("a-1_1"), pkg("a-1_1"), false},
		{reverting, pkg("a-2_1"), true},
		{pkg("a-2_1"), reverting, false},
		{pkg("a-3_1"), reverting, true},
	} {
		if got := Newer(c.a, c.b); got != c.want {
			t.Errorf("Newer(%s, %s) = %v", c.a.Pkgver, c.b.Pkgver, got)
		}
	}
}

func TestPool(t *testing.T) {
	p := NewPool(sample())
	for want, found := range map[string]string{"hello": "hello-1.0_1", "hello>=1": "hello-1.0_1", "hello>1.0_1": "", "hello-1.0_1": "hello-1.0_1",
		"hello-1.0_2": "", "virtual-shell>=0": "dash-1_1", "virtual-shell": "dash-1_1", "virtual-shell>1_1": "", "new": ""} {
		if got, _ := p.Find(want); got.Pkgver != found {
			t.Errorf("Find(%q) = %q, want %q", want, got.Pkgver, found)
		}
	}
	need, missing := p.Closure("hello", "absent>=1")
	var order []string
	for _, q := range need {
		order = append(order, q.Pkgver)
	}
	if d := cmp.Diff([]string{"lib-1.1_1", "dash-1_1", "hello-1.0_1"}, order); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Unresolved{{"", "absent>=1"}}, missing); d != "" {
		t.Error(d)
	}
	var walked []string
	NewWalker(p).From("hello", func(q manifest.Props) bool { walked = append(walked, q.Name()); return len(walked) < 2 })
	if d := cmp.Diff([]string{"hello", "lib"}, walked); d != "" {
		t.Error(d)
	}
	set := append(need, pkg("oldsh-1_1"))
	if d := cmp.Diff([]Conflict{{"dash-1_1", "oldsh-1_1", "oldsh>=0"}}, Conflicts(set)); d != "" {
		t.Error(d)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(bytesOf(f, sample()))
	one, _ := plist.Encode(plist.Dict{"a": pkg("a-1_1").IndexDict()})
	f.Add(archive(indexName, string(one), metaName, legacyMeta, stageName, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := read(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := x.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := read(b.Bytes()); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
