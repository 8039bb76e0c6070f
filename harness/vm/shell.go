package vm

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
)

// Session is a shell on the machine's console.
type Session struct {
	Files  []rootfs.File // on the payload disk
	Input  io.Reader     // what is typed; the terminal should be in raw mode, for the guest's own echoes
	Output io.Writer     // what the console shows
	Term   string        // TERM
}

// Shell runs the userland's shell as root on the console, until it or ctx ends. The machine must have been prepared with
// Userland. No watchdog runs.
func (m *Machine) Shell(ctx context.Context, s Session) (*Outcome, error) {
	fail := func(err error) (*Outcome, error) { return nil, fmt.Errorf("opening a shell: %w", err) }
	disk, written, err := m.payload(s.Files)
	if err != nil {
		return fail(err)
	}
	defer disk.Close()
	out := &Outcome{QEMU: m.Version, Accelerator: m.Accel, MemoryMiB: m.memory(written.Bytes)}
	begun := time.Now()
	vm, err := m.ready(ctx, Job{Commands: make([]guest.Command, 1), Talk: s.Output}, disk, out)
	if err != nil {
		return fail(err)
	}
	defer vm.q.kill()
	if vm.fault == nil {
		vm.release(guest.Order{Mode: "shell", Remount: !written.Standard, Term: s.Term})
		vm.watch.patient = true
		vm.started = func() {
			if s.Input != nil {
				go io.Copy(vm.q.console, s.Input) // ends with its input or at the first byte after the console's end
			}
		}
		vm.listen(ctx)
	}
	out.CPU, out.Wall = vm.watch.used(), time.Since(begun)
	vm.q.kill()
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	vm.conclude(out)
	return out, nil
}
