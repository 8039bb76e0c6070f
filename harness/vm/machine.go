package vm

import (
	"fmt"
	"strconv"

	"github.com/plugproof/plugproof/results"
)

// Machine is a virtual machine that can be started any number of times.
type Machine struct {
	Model        Model
	QEMU         string // file of QEMU's program
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
}

// The memory classes in MiB. A payload above LargePayload bytes gets the large one: its pages are cached while it runs.
const (
	SmallMemory  = 256
	LargeMemory  = 1024
	LargePayload = 48 << 20
)

// descriptors of QEMU's sockets, in the order of ExtraFiles.
const (
	fdMonitor = 3 + iota
	fdConsole
	fdIn
	fdOut
	fdFree // the first that is free for more
)

// args is QEMU's command line. name marks the process, disk is the payload's file.
func (m *Machine) args(name, disk string, memory int) []string {
	chardev := func(id string, fd int) []string {
		return []string{"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", id, fd)}
	}
	a := []string{"-name", name, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-smp", "1", "-m", strconv.Itoa(memory)}
	a = append(a, m.Model.Machine...)
	a = append(a, "-accel", m.Accel, "-cpu", m.Model.CPU[m.Accel])
	a = append(a, "-kernel", m.Kernel, "-initrd", m.Initrd, "-append", m.append())
	a = append(a, chardev("qmp", fdMonitor)...)
	a = append(a, "-mon", "chardev=qmp,mode=control")
	a = append(a, chardev("con", fdConsole)...)
	a = append(a, "-serial", "chardev:con")
	a = append(a, chardev("in", fdIn)...)
	a = append(a, chardev("out", fdOut)...)
	a = append(a, "-device", m.Model.Serial, "-device", "virtserialport,chardev=in,name=plugproof.in", "-device", "virtserialport,chardev=out,name=plugproof.out")
	a = append(a, "-drive", "if=none,id=payload,format=raw,readonly=on,file.locking=off,file="+disk, "-device", m.Model.Disk+",drive=payload")
	return a
}

// append is the kernel's command line: a quiet console, since every character costs, and an end on any trouble.
func (m *Machine) append() string {
	s := "console=" + m.Model.Console + " quiet loglevel=3 panic=-1 oops=panic raid=noautodetect rdinit=/init"
	if m.Model.Append != "" {
		s += " " + m.Model.Append
	}
	return s
}
