package supply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/harness/supply"
)

func TestSources(t *testing.T) {
	for _, tt := range []struct {
		name, link, target, want string
	}{
		{"beside it", "sub/link", "file", ""},
		{"in another folder", "other/link", "../sub/file", ""},
		{"a folder", "link", "sub", ""},
		{"absolute", "link", "/etc/passwd", "absolute path"},
		{"out of the project", "sub/link", "../../elsewhere", "out of its project"},
		{"in a vendor folder", "vendor/example.test/x/link.go", "file.go", "a link in a vendor folder"},
		{"to nothing", "link", "nowhere", "dangling"},
	} {
		dir := t.TempDir()
		for _, name := range []string{"sub/file", tt.link} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(dir+"/sub/file", []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(tt.target, filepath.Join(dir, tt.link)); err != nil {
			t.Fatal(err)
		}
		files, err := supply.Sources(dir, "projects/p")
		said := ""
		if err != nil {
			said = err.Error()
		} else if link, ok := supply.Dangling(files); ok {
			said = "dangling " + link
		} else if len(files) != 2 {
			t.Errorf("%s: %v", tt.name, files)
		}
		if (said == "") != (tt.want == "") || !strings.Contains(said, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, said, tt.want)
		}
	}
}
