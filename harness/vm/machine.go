package vm

import (
	"fmt"
	"os"
	"strconv"

	"github.com/plugproof/plugproof/results"
)

// Machine is a virtual machine that can be started any number of times.
type Machine struct {
	Model        Model
	QEMU         string // file of QEMU's program
	Banner       string // QEMU's whole version line
	Version      string // QEMU's own, "7.2.22"
	Accel        string // "tcg" or "kvm"
	AccelWhy     string // why this one
	Kernel       string // file of the kernel's image
	Release      string // of the kernel, as its package says
	KernelDigest results.Digest
	ImageDigest  results.Digest
	Initrd       string // file of the initramfs
	MemoryMiB    int    // 0: as the payload needs, SmallMemory or LargeMemory
	Scratch      string // directory for payload disks; "" is the system's temporary directory
	Saved        string // directory of saved machines; "" boots a kernel for every run
}

// The memory classes in MiB. A payload above LargePayload bytes gets the large one: its pages are cached while it runs.
const (
	SmallMemory  = 256
	LargeMemory  = 1024
	LargePayload = 48 << 20
)

// descriptors of QEMU's sockets and of the payload, in the order of ExtraFiles.
const (
	fdMonitor = 3 + iota
	fdConsole
	fdIn
	fdOut
	fdDisk
	fdFree // the first that is free for more
)

// launch is what one start of a machine adds to it.
type launch struct {
	name     string   // marks the process
	disk     *os.File // the payload
	memory   int      // MiB
	ram      string   // file of the guest's memory; "" keeps it anonymous
	shared   bool     // write the guest's memory to that file; false reads it and keeps changes private
	incoming bool     // wait for a saved state
}

// args is QEMU's command line.
func (m *Machine) args(l launch) []string {
	chardev := func(id string, fd int) []string {
		return []string{"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", id, fd)}
	}
	a := []string{"-name", l.name, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-smp", "1", "-m", strconv.Itoa(l.memory)}
	board := m.Model.Machine
	if l.ram != "" {
		share := "off"
		if l.shared {
			share = "on"
		}
		a = append(a, "-object", fmt.Sprintf("memory-backend-file,id=ram,size=%dM,mem-path=%s,share=%s", l.memory, l.ram, share))
		board += ",memory-backend=ram"
	}
	a = append(a, "-machine", board, "-accel", m.Accel, "-cpu", m.Model.CPU[m.Accel])
	a = append(a, "-kernel", m.Kernel, "-initrd", m.Initrd, "-append", m.append())
	a = append(a, chardev("qmp", fdMonitor)...)
	a = append(a, "-mon", "chardev=qmp,mode=control")
	a = append(a, chardev("con", fdConsole)...)
	a = append(a, "-serial", "chardev:con")
	a = append(a, chardev("in", fdIn)...)
	a = append(a, chardev("out", fdOut)...)
	a = append(a, "-device", m.Model.Serial, "-device", "virtserialport,chardev=in,name=plugproof.in", "-device", "virtserialport,chardev=out,name=plugproof.out")
	a = append(a, "-drive", "if=none,id=payload,format=raw,readonly=on,file.locking=off,file="+inherited(fdDisk), "-device", m.Model.Disk+",drive=payload")
	if l.incoming {
		a = append(a, "-incoming", "defer")
	}
	return a
}

// inherited is the name by which QEMU opens a file that it was given, though it has no name any more.
func inherited(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// parameters are the kernel's on every board: an end on any trouble, a quiet console, since every character costs, and no
// work that has no use in a machine of one processor that lives for a second. GODEBUG is for init's environment alone: under
// emulation its runtime would preempt itself by signals.
const parameters = "quiet loglevel=3 panic=-1 oops=panic raid=noautodetect sysrq_always_enabled=1 rdinit=/init GODEBUG=asyncpreemptoff=1 " +
	"psi=0 audit=0 lsm= cgroup.memory=nokmem,nosocket nowatchdog mitigations=off preempt=none"

// append is the kernel's command line.
func (m *Machine) append() string {
	s := "console=" + m.Model.Console + " " + parameters
	if m.Model.Append != "" {
		s += " " + m.Model.Append
	}
	return s
}
