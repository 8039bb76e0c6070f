package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// probeTime is how long, by the clock on the wall, a guest may take to start under KVM. A working KVM needs about one
// second; there are machines where /dev/kvm opens and the guest spins in the firmware for ever. With QEMU's start and end the
// choice is to be made within five seconds.
const probeTime = 4 * time.Second

// Choice is which accelerator works here, and why.
type Choice struct {
	Accel  string `json:"accel"` // "kvm" or "tcg"
	Why    string `json:"why"`
	BootID string `json:"boot_id"` // of the host: the answer holds until it boots again
	QEMU   string `json:"qemu"`
}

// choose sets the accelerator: KVM if it runs this very guest within probeTime, else emulation. The answer is kept in the
// cache for this boot of the host.
func (m *Machine) choose(ctx context.Context, s Setup) error {
	file := filepath.Join(s.Cache, "accel-"+s.Arch+".json")
	boot := bootID()
	var c Choice
	if raw, err := os.ReadFile(file); err == nil && json.Unmarshal(raw, &c) == nil && boot != "" && c.BootID == boot && c.QEMU == m.Version && m.Model.CPU[c.Accel] != "" {
		m.Accel, m.AccelWhy = c.Accel, c.Why
		return nil
	}
	c = Choice{Accel: "tcg", BootID: boot, QEMU: m.Version}
	if why := m.kvmPossible(); why != "" {
		c.Why = why
	} else if err := m.tryKVM(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.Why = "KVM does not run guests here: " + err.Error()
		if s.Log != nil {
			s.Log(c.Why + "; using emulation")
		}
	} else {
		c.Accel, c.Why = "kvm", "a guest ran under KVM"
	}
	m.Accel, m.AccelWhy = c.Accel, c.Why
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := writeAtomic(file, raw, []byte("\n")); err != nil && s.Log != nil {
		s.Log("which accelerator works is not remembered: " + err.Error())
	}
	return nil
}

// kvmPossible says why it is not worth a try, or "".
func (m *Machine) kvmPossible() string {
	if m.Model.Arch != runtime.GOARCH {
		return "KVM cannot run " + m.Model.Arch + " on " + runtime.GOARCH
	}
	if m.Model.CPU["kvm"] == "" {
		return "KVM is not set up for " + m.Model.Arch
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "KVM cannot be opened: " + err.Error()
	}
	f.Close()
	return ""
}

// tryKVM boots the machine under KVM and waits for its init's greeting.
func (m *Machine) tryKVM(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	probe := *m
	probe.Accel = "kvm"
	disk, _, err := probe.payload(nil)
	if err != nil {
		return err
	}
	defer disk.Close()
	q, err := probe.start(ctx, launch{disk: disk, memory: SmallMemory}, nil)
	if err != nil {
		return err
	}
	defer q.kill()
	s := &session{q: q}
	s.watch = newWatchdog(q, BootBudget)
	frame, err := s.next(ctx, guest.NewDecoder(q.out, guest.Nonce{}))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the guest did not start within %v", probeTime)
	case err != nil:
		return err
	case frame.Kind != guest.Ready:
		return fmt.Errorf("the guest said %d in place of its greeting", frame.Kind)
	}
	return nil
}

// bootID names this boot of the host (random(4)).
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
