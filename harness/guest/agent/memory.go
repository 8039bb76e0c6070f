//go:build linux

package agent

import (
	"fmt"
	"path/filepath"
	"syscall"
)

const (
	// reserve is the memory in bytes that a command leaves to init and to the kernel, whose own is in no box
	// (cgroup.memory=nokmem): page tables, sockets, a thousand processes.
	reserve = 8 << 20
	// least is the limit in bytes of a command that finds the memory full of what earlier ones left in /tmp.
	least = 16 << 20
)

// memoryLeft is the memory in bytes that a command may use: of what is free now, and at most seven eighths of all.
func memoryLeft() (int64, error) {
	total, _, err := memory()
	if err != nil {
		return 0, err
	}
	left := total - total/8
	if free := field("/proc/meminfo", "MemAvailable:") << 10; free > 0 {
		left = min(left, max(free-reserve, least))
	}
	return left, nil
}

// again is how many pages of files a starving command has read again: 64 MiB.
const again = 64 << 20 / 4096

// starving says that the box is full of what cannot be given up, and that the command mostly waits for pages of its own
// program, which the kernel drops and reads again. While it finds one to drop, the kernel sees no want of memory (Linux's
// try_charge_memcg in mm/memcontrol.c tries again after any progress), and so goes on for minutes. To be asked now and then
// while the command runs.
//
// What is counted is work, not time: 64 MiB read again (Documentation/admin-guide/cgroup-v2.rst, workingset_refault_file)
// while not a 64th of the memory is left for files.
func (b *box) starving() bool {
	if b.dir == "" {
		return false
	}
	if _, free, err := memory(); err != nil || free > 2*reserve {
		b.narrow = false
		return false
	}
	stat := filepath.Join(b.dir, "memory.stat")
	if field(stat, "file")-field(stat, "shmem") > b.limit/64 { // files of a tmpfs stay
		b.narrow = false
		return false
	}
	reread := field(stat, "workingset_refault_file")
	if !b.narrow {
		b.narrow, b.before = true, reread
	}
	return reread-b.before >= again
}

// memory is the machine's memory and what of it is free, in bytes.
func memory() (total, free int64, err error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0, 0, fmt.Errorf("reading memory size: %w", err)
	}
	return int64(info.Totalram) * int64(info.Unit), int64(info.Freeram) * int64(info.Unit), nil
}
