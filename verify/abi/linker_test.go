package abi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLinkerFlags opens plugins that a linker flag makes need something of the loader.
func TestLinkerFlags(t *testing.T) {
	for _, tt := range []struct{ libc, cc, flag, text string }{
		{libcMusl, "musl-gcc", "-z,pack-relative-relocs", "DT_RELR"}, // musl has it since 1.2.4, Debian 12 has 1.2.3
		{libcGlibc, "gcc", "-z,pack-relative-relocs", ""},
		{libcMusl, "musl-gcc", "-F,libnone.so", ""},
		{libcGlibc, "gcc", "-F,libnone.so", "libnone.so: cannot open"},
		{libcGlibc, "gcc", "-f,libnone.so", ""},
	} {
		t.Run(tt.libc+" "+tt.flag, func(t *testing.T) {
			y := newYard(t, tt.libc, tt.cc)
			y.build("host", "base", "host", nil)
			y.build("p.so", "base", "p1", nil, "-ldflags=-extldflags=-Wl,"+tt.flag)
			p, real := y.predict("host", []string{"p.so"}).Plugins[0], y.open("host", []string{"p.so"})[0]
			if d := cmp.Diff(real, said(p)); d != "" {
				t.Errorf("the prediction disagrees with reality (-real +predicted):\n%s", d)
			}
			why := real.Text
			if p.Cause != nil {
				why += p.Cause.Evidence
			}
			if real.Outcome != "ok" && !strings.Contains(why, tt.text) {
				t.Errorf("%s is said because of %q; want %q", p.Verdict, why, tt.text)
			}
		})
	}
}
