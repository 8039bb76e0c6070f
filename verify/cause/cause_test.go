package cause

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/verify/elfdiff"
)

// ids are those that the design requires.
var ids = strings.Fields(`build-path trimpath-one-side go-version toolchain-build cc-identity cgo-flags plugin-path build-id vcs-stamp build-tags
	race cover gcflags ldflags goarm goamd64 goexperiment module-version vendor-mode source-edit embedded-time embedded-path embedded-host
	generated-input libc stripped unknown`)

func TestTableIsComplete(t *testing.T) {
	var have []string
	for _, c := range All() {
		have = append(have, c.ID)
		if c.Meaning == "" || c.How == "" || strings.Contains(c.Meaning, "\n") {
			t.Errorf("%s: meaning %q, how %q", c.ID, c.Meaning, c.How)
		}
	}
	want := slices.Sorted(slices.Values(ids))
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("ids (-want +have):\n%s", d)
	}
	for _, id := range elfdiff.CauseIDs() {
		if _, ok := Lookup(id); !ok {
			t.Errorf("elfdiff names %q, which is not in the table", id)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		id    string
		kinds []string
	}{
		{"build-path", []string{"cause"}},
		{"build-id-only", []string{"diff verdict"}},
		{"poisoned", []string{"abi verdict"}},
		{"F21", []string{"failure"}},
		{"f1", []string{"failure"}},
		{"F28", nil},
		{"", nil},
		{"BUILD-PATH", nil},
	} {
		var kinds []string
		for _, e := range Explain(tt.id) {
			kinds = append(kinds, e.Kind)
			if text := e.Text(); !strings.HasPrefix(text, e.ID+" (") || !strings.HasSuffix(text, "\n") {
				t.Errorf("text of %s is %q", tt.id, text)
			}
		}
		if d := cmp.Diff(tt.kinds, kinds); d != "" {
			t.Errorf("kinds of %q (-want +got):\n%s", tt.id, d)
		}
	}
	for _, v := range elfdiff.Verdicts() {
		if len(Explain(v.String())) == 0 {
			t.Errorf("verdict %v is not explained", v)
		}
	}
	if n := len(failures); n != 27 {
		t.Errorf("%d failures, want 27", n)
	}
}

func TestAnnotate(t *testing.T) {
	r := &elfdiff.Report{Causes: []elfdiff.Cause{{ID: "build-path"}, {ID: "race", Fix: "mine"}}}
	Annotate(r)
	if r.Causes[0].Fix == "" || r.Causes[1].Fix != "mine" || r.Causes[0].Proven {
		t.Errorf("causes are %+v", r.Causes)
	}
}
