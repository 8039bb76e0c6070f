package abi

import (
	"os/exec"
	"testing"
)

// TestRemovedSections holds that a plugin of which objcopy took a loaded section that the loader or the runtime reads at once is not said to open:
// what is left in its place are zeros, and all headers lead there as before.
func TestRemovedSections(t *testing.T) {
	y := newYard(t, libcMusl, "musl-gcc")
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("objcopy is not installed")
	}
	y.build("host", "base", "host", nil)
	y.build("p1.so", "base", "p1", nil)
	host := y.input("host")
	for _, tt := range []struct {
		section string
		opens   bool
	}{
		{".text", false}, {".init", false}, {".gopclntab", false}, {".dynsym", false}, {".gnu.hash", false}, {".data.rel.ro", false},
		{".comment", true}, {".debug_info", true}, {".symtab", true},
	} {
		name := "without" + tt.section + ".so"
		y.run("objcopy", "--remove-section="+tt.section, "p1.so", name)
		p := y.predictFrom(host, []string{name}).Plugins[0]
		if p.Verdict.opens() != tt.opens {
			t.Errorf("without %s: %s, %+v", tt.section, p.Verdict, p.Cause)
		}
	}
}
