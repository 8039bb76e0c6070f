package inquiry

import (
	"fmt"
	"testing"

	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/cause"
)

func TestNames(t *testing.T) {
	for v, id := range of {
		if _, ok := cause.Lookup(id); !ok {
			t.Errorf("%s is named %q, which is no cause", v, id)
		}
		if _, ok := vary.Lookup(v); !ok {
			t.Errorf("%s is no variation", v)
		}
	}
	for s, want := range map[string]bool{
		"1795421150": true, "x-1795421150123": true, "2026-11-23": true, "20261123": true, "08:05:58": true, "Mon Nov 23": true,
		"control": false, "v1.2.3": false, "12": false, "deadbeef01234567": false, "": false, "/at/b/rebuilt": false,
	} {
		if timelike(s) != want {
			t.Errorf("%q looks like a time: %v", s, !want)
		}
	}
	for _, tt := range []struct {
		on   []string
		want string
	}{{nil, ""}, {[]string{vary.Path}, "embedded-path"}, {[]string{vary.Path, vary.Home}, "embedded-path"}, {[]string{vary.Path, vary.HostName}, ""}, {[]string{vary.Umask}, ""}, {[]string{vary.CC}, "cc-identity"}} {
		if got := one(tt.on); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.on, got, tt.want)
		}
	}
}

func TestWithFlag(t *testing.T) {
	for _, tt := range []struct {
		flags []string
		add   string
		want  string
	}{
		{nil, "-trimpath", "[-trimpath]"},
		{[]string{"-trimpath"}, "-trimpath", "[-trimpath]"},
		{[]string{"-ldflags=-X a=b"}, "-ldflags=-buildid=", "[-ldflags=-X a=b -buildid=]"},
		{[]string{"-ldflags=-X a=b -buildid="}, "-ldflags=-buildid=", "[-ldflags=-X a=b -buildid=]"},
		{[]string{"-ldflags=all=-s"}, "-ldflags=-buildid=", "[-ldflags=all=-s -ldflags=-buildid=]"},
		{[]string{"--buildvcs=true"}, "-buildvcs=false", "[-buildvcs=false]"},
	} {
		if got := fmt.Sprint(withFlag(tt.flags, tt.add)); got != tt.want {
			t.Errorf("%q and %s: %s, want %s", tt.flags, tt.add, got, tt.want)
		}
	}
	if got := eachCommand("a{{cmd:x}}b{{cmd:y}}", func(c string) string { return "<" + c + ">" }); got != "a<x>b<y>" {
		t.Error(got)
	}
}
