//go:build linux

// Package agent is PID 1 of the virtual machine: it prepares the machine, says that it is ready, waits for an order that
// may come after the machine was saved and restored, runs the order's commands as an unprivileged user and reports.
//
// It imports the standard library only and talks to the kernel by system calls, so that it can be compiled anywhere from
// its embedded sources, and it is small, since its memory is part of every saved machine.
package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/plugproof/plugproof/harness/guest"
)

// Names of the two virtio-serial ports. One port for each direction: a blocking write and a poll of one port can lose a
// wake-up (lmb/vimto#29).
const (
	PortIn  = "plugproof.in"
	PortOut = "plugproof.out"
)

// Main never returns: at its end the machine is switched off.
func Main() {
	if len(os.Args) == 1 && os.Args[0] == launcherName {
		launch()
		os.Exit(127)
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "plugproof-guest: error: this program is the init of plugproof's virtual machines")
		os.Exit(2)
	}
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "plugproof-guest: error: %v\n", err)
	}
	powerOff()
}

// memoryLimit is the heap size in bytes from which on init collects garbage. Below it does not: a collection's code and
// threads would be run anew, once, in every restored machine.
const memoryLimit = 48 << 20

// machine is the guest as its init has it at hand.
type machine struct {
	in, out *port
	orders  *guest.Decoder
	enc     *guest.Encoder // of the run, once it was ordered
	random  int            // descriptor of /dev/urandom
	first   *process       // the first command's launcher
	last    *process       // the command that ended last
}

// serve does everything between boot and power off. What can be done before the order is done before the machine is saved.
func serve() error {
	hello, err := prepare()
	if err != nil {
		return err
	}
	m := &machine{}
	if m.out, err = openPort(PortOut, syscall.O_WRONLY); err != nil {
		return err
	}
	if m.in, err = openPort(PortIn, syscall.O_RDONLY); err != nil {
		return err
	}
	if m.random, err = syscall.Open("/dev/urandom", syscall.O_WRONLY|syscall.O_CLOEXEC, 0); err != nil {
		return err
	}
	if err := mountPayload(); err != nil {
		return err
	}
	forget()
	if m.first, err = prestart(0, false); err != nil {
		return err
	}
	greeting, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	runtime.GC()
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(-1)
	if err := guest.NewEncoder(m.out, guest.Nonce{}).Send(guest.Ready, greeting); err != nil {
		return err
	}
	if err := m.out.flush(); err != nil {
		return err
	}
	m.orders = guest.NewDecoder(m.in, guest.Nonce{}) // the machine may be saved now
	order, err := m.hear()
	if err != nil {
		return fmt.Errorf("waiting for the order: %w", err)
	}
	var nonce guest.Nonce
	copy(nonce[:], order.Nonce)
	m.enc = guest.NewEncoder(m.out, nonce)
	if err := m.obey(order); err != nil {
		m.enc.Send(guest.Failed, []byte(err.Error()))
		m.out.flush()
		return err
	}
	if err := m.enc.Send(guest.Done, m.enc.Seal().Encode()); err != nil {
		return err
	}
	if err := m.out.flush(); err != nil {
		return err
	}
	pause(10_000) // the host switches the machine off; to do so from here is work
	return nil
}

// maxOrder bounds an order in bytes.
const maxOrder = 8 << 20

// hear takes the order's parts.
func (m *machine) hear() (guest.Order, error) {
	var raw []byte
	for {
		f, err := m.orders.Next()
		if err != nil {
			return guest.Order{}, err
		}
		if f.Kind != guest.Hello || len(f.Payload) == 0 || len(raw) > maxOrder {
			return guest.Order{}, fmt.Errorf("kind %d of %d bytes", f.Kind, len(f.Payload))
		}
		raw = append(raw, f.Payload[1:]...)
		if f.Payload[0] == 1 {
			return guest.DecodeOrder(raw)
		}
	}
}

// obey carries the order out.
func (m *machine) obey(order guest.Order) error {
	if err := freshen(m.random, order); err != nil {
		return err
	}
	if order.Remount {
		if err := syscall.Unmount(guest.PayloadDir, 0); err != nil {
			return fmt.Errorf("unmounting the payload disk: %w", err)
		}
		if err := mountPayload(); err != nil {
			return err
		}
	}
	switch order.Mode {
	case "ping":
		return nil
	case "shell":
		m.first.discard()
		return m.shell(order)
	case "job":
	default:
		return fmt.Errorf("unknown mode %q", order.Mode)
	}
	for i, c := range order.Commands {
		p := m.first
		if i > 0 { // the last one ends with the machine
			m.last.close()
		}
		if i > 0 || c.Root {
			if i == 0 {
				p.discard()
			}
			var err error
			if p, err = prestart(i, c.Root); err != nil {
				return err
			}
		}
		if err := m.run(p, c); err != nil {
			return err
		}
		m.last = p
	}
	return nil
}
