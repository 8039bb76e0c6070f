package worker

import (
	"testing"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/toolchain"
)

// The standard library of one toolchain is one source, whatever version it says; that of two is not, though they say one version.
func TestSourceOfTheStandardLibrary(t *testing.T) {
	release, edited, devel := plan.GoSpec{Name: "go1.26.8"}, plan.GoSpec{Name: "edited", Path: "/a"}, plan.GoSpec{Name: "tip", Path: "/b"}
	gos := map[plan.GoSpec]toolchain.Go{
		release: {Version: "go1.26.8", Digest: "sha256:1"},
		edited:  {Version: "go1.26.8", Digest: "sha256:2"},
		devel:   {Version: "devel go1.27-abcdef Mon Nov 23", Digest: "sha256:3"},
	}
	for _, c := range []struct {
		host, plugin plan.GoSpec
		other, same  bool
	}{
		{release, release, false, true},
		{devel, devel, false, true},
		{release, edited, true, false},
		{edited, devel, true, false},
		{plan.GoSpec{}, release, false, false}, // a shipped host
	} {
		cell := &cell{gos: gos}
		cell.Command = []string{"make"} // which has no sources to list
		cell.HostJob = plan.Job{Go: c.host, Dir: "h"}
		cell.Plugins = []plan.PluginJob{{Job: plan.Job{Go: c.plugin, Dir: "p", Subject: "./p"}}}
		if got := cell.otherGo(0); got != c.other {
			t.Errorf("%v and %v: another Go: %v", c.host, c.plugin, got)
		}
		same, known := (&Worker{}).sameSource(t.Context(), cell)(guestPath(cell, 0), "runtime")
		if known != c.same || known && !same {
			t.Errorf("%v and %v: runtime is the same: %v, known: %v", c.host, c.plugin, same, known)
		}
		if _, known := (&Worker{}).sameSource(t.Context(), cell)(guestPath(cell, 0), "corp/api"); known {
			t.Errorf("%v and %v: something is known of a module's sources", c.host, c.plugin)
		}
	}
}
