package supply_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/images/xbps/audit"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/publish"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// repositories makes DIR/current and DIR/current/debug, unsigned, with a package each.
func repositories(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "current")
	for at, pkgver := range map[string]string{dir: "hello-1.0_1", dir + "/debug": "hello-dbg-1.0_1"} {
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		r := binpkg.Recipe{Props: manifest.Props{Pkgver: pkgver, Architecture: "x86_64-musl"}, Sources: []binpkg.Source{binpkg.Bytes("/usr/share/x", 0o644, []byte(pkgver))}}
		var b bytes.Buffer
		if err := binpkg.Write(&b, r); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at+"/"+r.Props.FileName(), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := publish.Index(context.Background(), at, nil, publish.Signer{}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func classes(list []audit.Finding) (out []string) {
	for _, f := range list {
		out = append(out, f.Class+" "+f.File)
	}
	return out
}

func TestPackages(t *testing.T) {
	dir := repositories(t)
	files, damage, unsigned, err := supply.Packages(context.Background(), dir, "void")
	if err != nil || len(damage) > 0 || len(files) != 4 {
		t.Fatal(files, damage, err)
	}
	if d := cmp.Diff([]string{"void", "void/debug"}, unsigned); d != "" {
		t.Error(d)
	}
	parts, err := supply.Measure(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	open := func(p kit.Part) (io.ReaderAt, error) { return os.Open(filepath.Join(dir, p.Path[len("xbps/void"):])) }
	found, err := supply.CheckRepositories(parts, open)
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	// The same of a kit that another program made: one package is gone, another is not the index's.
	var left []kit.Part
	for _, p := range parts {
		switch filepath.Base(p.Path) {
		case "hello-dbg-1.0_1.x86_64-musl.xbps":
			continue
		case "hello-1.0_1.x86_64-musl.xbps":
			p.SHA256 = digest("another")
		}
		left = append(left, p)
	}
	if found, err = supply.CheckRepositories(left, open); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"hash xbps/void/hello-1.0_1.x86_64-musl.xbps", "missing-file xbps/void/debug/x86_64-musl-repodata"}, classes(found)); d != "" {
		t.Error(d)
	}
	if err := os.Remove(dir + "/debug/hello-dbg-1.0_1.x86_64-musl.xbps"); err != nil {
		t.Fatal(err)
	}
	if _, damage, _, err = supply.Packages(context.Background(), dir, "void"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"missing-file void/debug/x86_64-musl-repodata"}, classes(damage)); d != "" {
		t.Error(d)
	}
}
