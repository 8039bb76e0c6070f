// Package vm runs jobs in QEMU virtual machines and says how they ended.
//
// A Machine is a kernel, an initramfs and an amount of memory on one architecture. Run starts QEMU with it, hands the guest
// a payload disk and an order over a virtio-serial port, and reads framed results from another (harness/guest). A machine
// is never reused: each run has a fresh one.
//
// Time limits are in QEMU's own CPU seconds and in the guest's own idle ticks, so that a busy host fails nothing.
package vm

import "fmt"

// Model is how QEMU emulates one architecture. A new architecture is a new row of models.
type Model struct {
	Arch    string            // GOARCH
	QEMU    string            // name of the program
	Debian  string            // its Debian package
	Machine string            // board
	CPU     map[string]string // processor, by accelerator
	Console string            // the guest's console device
	Serial  string            // virtio-serial bus device
	Disk    string            // virtio-blk device
	Append  string            // further kernel parameters
	Modules []string          // what the kernel needs to load for the ports and the payload
}

var models = []Model{
	{
		Arch: "amd64", QEMU: "qemu-system-x86_64", Debian: "qemu-system-x86",
		Machine: "pc,usb=off",
		CPU:     map[string]string{"tcg": "max", "kvm": "max"},
		Console: "ttyS0", Serial: "virtio-serial-pci", Disk: "virtio-blk-pci",
		Append:  "no_timer_check nosmap",
		Modules: []string{"virtio_pci", "virtio_console", "virtio_blk", "erofs", "overlay"},
	},
	{
		Arch: "arm", QEMU: "qemu-system-arm", Debian: "qemu-system-arm",
		Machine: "virt",
		CPU:     map[string]string{"tcg": "cortex-a15"},
		Console: "ttyAMA0", Serial: "virtio-serial-device", Disk: "virtio-blk-device",
		Modules: []string{"virtio_mmio", "virtio_console", "virtio_blk", "erofs", "overlay"},
	},
}

// ModelOf returns the row of an architecture.
func ModelOf(arch string) (Model, error) {
	for _, m := range models {
		if m.Arch == arch {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("no virtual machine for architecture %q", arch)
}
