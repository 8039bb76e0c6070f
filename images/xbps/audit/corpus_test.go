package audit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo/elftest"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/sign"
)

const corpus = "../../../../shared/corpus/xbps"

// TestCorpus holds the verdicts of the corpus's README, column "careful verifier".
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("the corpus is not beside this repository: %v", err)
	}
	const tool, index = "tool-1.0_1.x86_64-musl.xbps", "x86_64-musl-repodata"
	for dir, want := range map[string][]string{
		"good-repo":      nil,
		"bad/good":       nil,
		"bad/badsig":     {"bad-signature " + tool},
		"bad/nosig":      {"no-signature " + tool},
		"bad/unsigned":   {"no-signature " + tool, "unsigned " + index},
		"bad/baddep":     {"bad-dependency " + tool},
		"bad/missingdep": {"missing-dependency " + index},
	} {
		pem, err := os.ReadFile(filepath.Join(corpus, filepath.Dir(dir+"/x"), "pub.pem"))
		if err != nil {
			if pem, err = os.ReadFile(filepath.Join(corpus, "bad/pub.pem")); err != nil {
				t.Fatal(err)
			}
		}
		key, err := sign.ParsePublicKey(pem)
		if err != nil {
			t.Fatal(err)
		}
		got := audit(t, filepath.Join(corpus, dir), Options{Keys: []*sign.PublicKey{key}})
		if d := cmp.Diff(want, brief(got)); d != "" {
			t.Errorf("%s: %s\n%v", dir, d, got)
		}
	}
}

func FuzzPackage(f *testing.F) {
	for _, r := range good() {
		r.Compression = "none"
		var b bytes.Buffer
		if err := binpkg.Write(&b, r); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rep := &report{}
		opt := Options{Limits: binpkg.Limits{Expanded: 1 << 22, Entries: 100, Metadata: 1 << 16, Window: 8 << 20}}
		if _, err := readContents(bytes.NewReader(data), int64(len(data)), "x.xbps", opt, rep); err != nil {
			t.Fatal(err)
		}
		for _, finding := range rep.sorted() {
			if finding.Class == "" || finding.Text == "" {
				t.Errorf("an empty finding: %+v", finding)
			}
		}
	})
}

// BenchmarkRepository audits a signed repository of 2,000 packages: under 2 s of CPU and 200 MB is wanted.
func BenchmarkRepository(b *testing.B) {
	dir := b.TempDir()
	for i := range 2000 {
		deps := []string{}
		for j := max(0, i-5); j < i; j++ {
			deps = append(deps, fmt.Sprintf("pkg%d>=1.0_1", j))
		}
		lib := elftest.Musl
		lib.Interp, lib.Needed, lib.Soname = "", nil, fmt.Sprintf("libp%d.so.1", i)
		p := manifest.Props{Pkgver: fmt.Sprintf("pkg%d-1.0_1", i), Architecture: arch, ShortDesc: "one of many packages", RunDepends: deps, ShlibProvides: []string{lib.Soname}}
		if i > 0 {
			lib.Needed = []string{fmt.Sprintf("libp%d.so.1", i-1)}
			p.ShlibRequires = lib.Needed
		}
		write(b, dir, binpkg.Recipe{Props: p, Sources: []binpkg.Source{binpkg.Bytes("/usr/lib/"+lib.Soname, 0o755, lib.Build())}})
	}
	index(b, dir, testKey())
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.ReportAllocs()
	for b.Loop() {
		got, err := Repository(context.Background(), dir, trusted())
		if err != nil || len(got) != 0 {
			b.Fatalf("%v %v", err, got[:min(3, len(got))])
		}
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := func(u syscall.Rusage) float64 { return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9 }
	b.ReportMetric((cpu(after)-cpu(before))/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(after.Maxrss)/1024, "peak-MB") // with the making of the repository
}
