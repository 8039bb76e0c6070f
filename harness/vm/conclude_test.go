package vm

import (
	"strings"
	"syscall"
	"testing"
)

func TestGoEndsToldApart(t *testing.T) {
	const stack = "\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:5 +0x1d\n"
	x := strings.Repeat("x", 1000)
	for _, c := range []struct {
		name, stderr string
		dropped      bool
		kind         Kind
		signal       syscall.Signal
	}{
		{name: "a panic", stderr: "panic: boom" + stack, kind: Thrown},
		{name: "a panic after half a line", stderr: x + "panic: boom" + stack, kind: Thrown},
		{name: "a panic that was left out", stderr: x + "\n[99 bytes left out]\n" + x + stack, dropped: true, kind: Thrown},
		{name: "a throw", stderr: "fatal error: newosproc\n\nruntime stack:\nruntime.throw()\n", kind: Thrown},
		{name: "a throw without goroutines", stderr: "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n", kind: Thrown},
		{name: "a panic without a stack", stderr: "said\npanic: boom\n\tpanic: again\n", kind: Thrown},
		{name: "a nil pointer", stderr: "panic: runtime error: nil\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]" + stack, kind: Signalled, signal: syscall.SIGSEGV},
		{name: "a nil pointer without a stack", stderr: "panic: runtime error: nil\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n", kind: Signalled, signal: syscall.SIGSEGV},
		{name: "a nil pointer's panic that was left out", stderr: x + "\n[signal SIGBUS: bus error code=0x1 addr=0x0 pc=0x1]" + stack, dropped: true, kind: Signalled, signal: syscall.SIGBUS},
		{name: "abort", stderr: "SIGABRT: abort\nPC=0x5a7 m=2 sigcode=1" + stack, kind: Signalled, signal: syscall.SIGABRT},
		{name: "quit, after half a line", stderr: x + "SIGQUIT: quit\nPC=0x5a7 m=2 sigcode=1" + stack, kind: Signalled, signal: syscall.SIGQUIT},
		{name: "a bad system call", stderr: "SIGSYS: bad system call\nPC=0x5a7" + stack, kind: Signalled, signal: syscall.SIGSYS},
		{name: "a panic that was caught and shown", stderr: "panic: boom\n\ngoroutine 1 [running]:\nruntime/debug.Stack()\n\t/x/stack.go:26 +0x5e\nmain.main()\n", kind: Exited},
		{name: "a word of a log and a stack that was asked for", stderr: "x: fatal error: no configuration\ngoroutine 1 [running]:\nruntime/debug.Stack()\n\t/x/stack.go:26\n", kind: Exited},
		{name: "words", stderr: "panic: not at all\nfatal error: neither\nusage: x\n", kind: Exited},
		{name: "words and a stack before them", stderr: "goroutine 1 [running]:\nmain.main()\n" + "http: panic serving 127.0.0.1\nusage\n", kind: Exited},
		{name: "a signal's name", stderr: "SIGTERM: I was asked to end\n[signal SIGTERM: no]\n", kind: Exited},
		{name: "a usage", stderr: "flag provided but not defined: -x\n", kind: Exited},
		{name: "nothing", kind: Exited},
		{name: "much and no word", stderr: x, dropped: true, kind: Exited},
	} {
		kind, signal := goEnd([]byte(c.stderr), c.dropped)
		if kind != c.kind || signal != int(c.signal) {
			t.Errorf("%s: %s %d, want %s %d", c.name, kind, signal, c.kind, c.signal)
		}
	}
}
