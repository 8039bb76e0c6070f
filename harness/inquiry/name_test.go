package inquiry

import (
	"fmt"
	"strings"
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
		{[]string{"-ldflags=-X a=b"}, "-ldflags=-s -w", "[-ldflags=-X a=b -s -w]"},
		{[]string{"-ldflags=-buildid= -buildid=x"}, "-ldflags=-buildid=", "[-ldflags=-buildid= -buildid=x -buildid=]"},
		{[]string{"-ldflags=-s", "-ldflags=-w"}, "-ldflags=-buildid=", "[-ldflags=-s -ldflags=-w -buildid=]"}, // the last one counts
		{[]string{"-ldflags=all=-s"}, "-ldflags=-buildid=", "[-ldflags=all=-s -buildid=]"},
		{[]string{"-ldflags=net/...=-s"}, "-ldflags=-buildid=", "[-ldflags=net/...=-s -ldflags=-buildid=]"},
		{[]string{"-ldflags="}, "-ldflags=-buildid=", "[-ldflags=-buildid=]"},
		{[]string{"--buildvcs=true"}, "-buildvcs=false", "[-buildvcs=false]"},
		{[]string{"-trimpath=false", "-race"}, "-trimpath", "[-trimpath -race]"},
		{[]string{"-trimpath", "-race", "-trimpath=false"}, "-trimpath", "[-trimpath -race]"},
		{[]string{"-trimpath=false", "--trimpath=0"}, "-trimpath", "[-trimpath]"},
		{[]string{"-trimpath=true"}, "-trimpath", "[-trimpath=true]"},
		{[]string{"-tags=a", "-trimpath", "-tags=b"}, "-tags=c", "[-trimpath -tags=c]"},
	} {
		if got := fmt.Sprint(withFlag(tt.flags, tt.add)); got != tt.want {
			t.Errorf("%q and %s: %s, want %s", tt.flags, tt.add, got, tt.want)
		}
	}
	for _, tt := range [][3]string{
		{"-race", "-race -trimpath", ""},
		{"-race -trimpath=false", "-race -trimpath", " and without -trimpath=false, which undoes it"},
		{"-trimpath -trimpath=false", "-trimpath", " and without -trimpath=false, which undoes it"},
		{"-ldflags=-s", "-ldflags=-s_-w", ""},
	} {
		if got := undone(strings.Fields(tt[0]), strings.Fields(tt[1])); got != tt[2] {
			t.Errorf("%s and %s: %q", tt[0], tt[1], got)
		}
	}
	if got := eachCommand("a{{cmd:x}}b{{cmd:y}}", func(c string) string { return "<" + c + ">" }); got != "a<x>b<y>" {
		t.Error(got)
	}
}
