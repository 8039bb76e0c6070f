//go:build linux

// Package agent is PID 1 of the virtual machine: it prepares the machine, says that it is ready, waits for an order that
// may come after the machine was saved and restored, runs the order's commands as an unprivileged user and reports.
//
// It imports the standard library only and talks to the kernel by system calls, so that it can be compiled anywhere from
// its embedded sources, and it is small, since its memory is part of every saved machine.
package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "plugproof-guest: error: this program is the init of plugproof's virtual machines")
		os.Exit(2)
	}
	debug.SetGCPercent(50)
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "plugproof-guest: error: %v\n", err)
	}
	powerOff()
}

// serve does everything between boot and power off.
func serve() error {
	if err := prepare(); err != nil {
		return err
	}
	out, err := openPort(PortOut, syscall.O_WRONLY)
	if err != nil {
		return err
	}
	in, err := openPort(PortIn, syscall.O_RDONLY)
	if err != nil {
		return err
	}
	hello := uname()
	if hello.Configured, err = configure(); err != nil {
		return err
	}
	greeting, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // the machine may be saved now
	if err := guest.NewEncoder(out, guest.Nonce{}).Send(guest.Ready, greeting); err != nil {
		return err
	}
	orders := guest.NewDecoder(in, guest.Nonce{})
	frame, err := orders.Next()
	if err != nil {
		return fmt.Errorf("waiting for the order: %w", err)
	}
	var order guest.Order
	if err := json.Unmarshal(frame.Payload, &order); err != nil || frame.Kind != guest.Hello {
		return fmt.Errorf("waiting for the order: kind %d: %v", frame.Kind, err)
	}
	var nonce guest.Nonce
	copy(nonce[:], order.Nonce)
	enc := guest.NewEncoder(out, nonce)
	if err := obey(enc, orders, order); err != nil {
		enc.Send(guest.Failed, []byte(err.Error()))
		return err
	}
	frames, sum := enc.Sum()
	seal, err := json.Marshal(guest.Seal{Frames: frames, SHA256: sum})
	if err != nil {
		return err
	}
	return enc.Send(guest.Done, seal)
}

// obey carries the order out.
func obey(enc *guest.Encoder, orders *guest.Decoder, order guest.Order) error {
	if err := freshen(order); err != nil {
		return err
	}
	interrupts := make(chan struct{}, 1)
	go func() { // ends with the machine
		for {
			f, err := orders.Next()
			if err != nil {
				return
			}
			if f.Kind == guest.Interrupt {
				select {
				case interrupts <- struct{}{}:
				default:
				}
			}
		}
	}()
	switch order.Mode {
	case "ping":
		return nil
	case "shell":
		if order.JobHash != "" {
			if err := mountPayload(); err != nil {
				return err
			}
		}
		return shell(enc, order)
	case "job":
	default:
		return fmt.Errorf("unknown mode %q", order.Mode)
	}
	if err := mountPayload(); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(guest.PayloadDir, guest.JobFile))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != order.JobHash {
		return fmt.Errorf("the payload disk carries another job than the one ordered")
	}
	var job guest.Job
	if err := json.Unmarshal(raw, &job); err != nil {
		return fmt.Errorf("reading job: %w", err)
	}
	for i, c := range job.Commands {
		if err := run(enc, interrupts, i, c); err != nil {
			return err
		}
	}
	return nil
}
