//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// user is the unprivileged user and group that commands run as.
const user = 1000

// maxProcesses bounds a command's processes and threads: enough for Go's own tests, few enough to survive.
const maxProcesses = 1024

// box is a control group that holds a command and all that it starts, whatever it does to its session or process group.
type box struct {
	dir   string // "" if the kernel has no usable cgroup2
	fd    int
	limit int64 // of its memory, in bytes

	narrow bool  // at the last look it had hardly any memory left for files
	before int64 // pages of files that it had read again before that began
}

const cgroupRoot = "/sys/fs/cgroup"

// newBox makes the group of command index, bounded so that the agent itself always has memory and a process to spare.
//
// Each command has a group of its own: since Linux 6.1.129 a process that is cloned into a group that was once killed is
// killed at once, for the fork compares the group's kill count with the one of its parent's group (kernel/cgroup/cgroup.c,
// cgroup_css_set_fork).
func newBox(index int) (*box, error) {
	limit, err := memoryLeft()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(cgroupRoot+"/cgroup.subtree_control", []byte("+memory +pids"), 0); err != nil {
		return &box{}, nil
	}
	b := &box{dir: fmt.Sprintf("%s/command-%d", cgroupRoot, index), limit: limit}
	if err := os.Mkdir(b.dir, 0o755); err != nil {
		return &box{}, nil
	}
	for file, value := range map[string]string{
		"memory.max": strconv.FormatInt(limit, 10), "memory.oom.group": "1", "pids.max": strconv.Itoa(maxProcesses),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, file), []byte(value), 0); err != nil {
			return nil, fmt.Errorf("bounding the command: %w", err)
		}
	}
	if b.fd, err = syscall.Open(b.dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("bounding the command: %w", err)
	}
	return b, nil
}

// close removes the group, if it is empty.
func (b *box) close() {
	if b.dir != "" {
		syscall.Close(b.fd)
		os.Remove(b.dir)
	}
}

// oomKills counts the kernel's kills for want of memory.
func (b *box) oomKills() int64 {
	if b.dir != "" {
		return field(filepath.Join(b.dir, "memory.events"), "oom_kill") + field("/proc/vmstat", "oom_kill")
	}
	return field("/proc/vmstat", "oom_kill")
}

// count is how many processes are in the box, as far as the kernel says.
func (b *box) count() int {
	if b.dir == "" {
		return 0
	}
	raw, err := os.ReadFile(filepath.Join(b.dir, "pids.current"))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	return n
}

// killAll kills everything in the box and says how many processes there were.
func (b *box) killAll(root bool) int {
	if b.dir != "" {
		raw, _ := os.ReadFile(filepath.Join(b.dir, "cgroup.procs"))
		os.WriteFile(filepath.Join(b.dir, "cgroup.kill"), []byte("1"), 0)
		return bytes.Count(raw, []byte("\n"))
	}
	n := 0
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		var st syscall.Stat_t
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == 1 || syscall.Stat(dir, &st) != nil || !(st.Uid == user || root && isProgram(dir)) {
			continue
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// isProgram says that the process is none of the kernel's threads, which have no memory map.
func isProgram(dir string) bool {
	raw, err := os.ReadFile(dir + "/maps")
	return err == nil && len(raw) > 0
}

// field reads a "name number" line of a file of the kernel; 0 if there is none.
func field(file, name string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n
		}
	}
	return 0
}
