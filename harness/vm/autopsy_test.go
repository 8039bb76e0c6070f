package vm

import (
	"strings"
	"testing"
)

// TestAutopsy asks a guest that waits for its order, which the host may do to one that hangs as well.
func TestAutopsy(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			m := machine(t, arch)
			disk, _, err := m.payload(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer disk.Close()
			out := &Outcome{MemoryMiB: SmallMemory}
			s, err := m.ready(t.Context(), Job{}, disk, out)
			if err != nil || s.fault != nil {
				t.Fatal(err, s.fault)
			}
			s.takeRegisters(t.Context())
			s.listTasks(t.Context())
			s.q.kill()
			s.conclude(out)
			for _, want := range []string{"task:init", "task:kthreadd", map[string]string{"amd64": "RIP=", "arm": "R15="}[arch]} {
				if !strings.Contains(out.Console, want) {
					t.Errorf("%q is not in the console:\n%s", want, out.Console)
				}
			}
		})
	}
}
