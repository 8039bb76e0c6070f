package inquiry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/results"
)

func TestAgainst(t *testing.T) {
	b, j := world(t, plain+"-- p/extra.go --\n//go:build extra\n\npackage main\n\nvar Extra = 1\n")
	ship := func(change func(*build.Job)) (file string, digest results.Digest) {
		k := j
		k.Out = t.TempDir()
		change(&k)
		side, failed, err := b.One(t.Context(), k, "a")
		if err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		return side.File, side.SHA256
	}
	r, err := b.Twins(t.Context(), j)
	if err != nil || !r.Identical {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.so")
	if err := os.WriteFile(cut, []byte("\x7fELF"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		change  func(*build.Job)
		file    bool
		settles []string
		ids     []string
	}{
		{"as it is", func(*build.Job) {}, true, nil, nil},
		{"stripped, by digest", func(j *build.Job) { j.Flags = append(j.Flags, "-ldflags=-s -w") }, false, []string{"-ldflags=-s -w"}, []string{"stripped"}},
		{"tags, by file", func(j *build.Job) { j.Flags = append(j.Flags, "-tags=extra") }, true, []string{"-tags=extra"}, []string{"build-tags"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, digest := ship(tt.change)
			ask := Ask{SHA256: digest, Options: Options{Seed: 1}}
			if tt.file {
				ask.File = file
			}
			s, err := Against(t.Context(), b, j, r, ask)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, c := range s.Causes {
				ids = append(ids, c.ID)
				if !c.Proven {
					t.Errorf("%+v is not proven", c)
				}
			}
			if d := cmp.Diff([][]string{tt.settles, tt.ids}, [][]string{s.Settles, ids}); d != "" || s.Equal != (tt.settles == nil) {
				t.Errorf("equal %v (-want +got):\n%s", s.Equal, d)
			}
		})
	}
	// What cannot be read as a file is compared by its digest, and what nothing gives is not explained.
	s, err := Against(t.Context(), b, j, r, Ask{SHA256: results.DigestOf([]byte("other")), File: cut, Options: Options{Most: 2}})
	if err != nil || s.Equal || len(s.Settles) > 0 || len(s.Causes) != 1 || s.Causes[0].ID != unknown {
		t.Errorf("%+v, %v", s, err)
	}
}
