package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// ParseConfig reads a .config: "CONFIG_X=y", and "# CONFIG_X is not set", which gives "n". Other comments and empty lines are
// passed over. A text without one option is an error.
func ParseConfig(text []byte) (map[string]string, error) {
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<10)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if rest, ok := strings.CutPrefix(line, "# CONFIG_"); ok {
			if name, ok := strings.CutSuffix(rest, " is not set"); ok {
				out[name] = "n"
			}
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, prefix := strings.CutPrefix(name, "CONFIG_")
		if !ok || !prefix || name == "" {
			return nil, fmt.Errorf("line %d is no option", n)
		}
		out[name] = strings.Trim(value, `"`)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no option in it")
	}
	return out, nil
}

// need is something that the harness asks of a kernel.
type need struct {
	option string
	module string // that gives it, "" if it can only be built in
	arch   string // GOARCH, "" for all
	must   bool   // without it no machine starts
	why    string
}

// needs are what harness/guest/agent mounts and loads, and what harness/vm's command lines speak of.
var needs = []need{
	{"BLK_DEV_INITRD", "", "", true, "the image is an initramfs"},
	{"DEVTMPFS", "", "", true, "/dev in the guest"},
	{"PROC_FS", "", "", true, "/proc in the guest"},
	{"SYSFS", "", "", true, "the ports are found by their names there"},
	{"TMPFS", "", "", true, "/tmp and /run in the guest"},
	{"MODULES", "", "", false, "modules of the image; not needed where all is built in"},
	{"VIRTIO_PCI", "virtio_pci", "amd64", true, "disk and ports on the PC board"},
	{"VIRTIO_MMIO", "virtio_mmio", "arm", true, "disk and ports on the board virt"},
	{"VIRTIO_CONSOLE", "virtio_console", "", true, "the two ports: orders in, results out"},
	{"VIRTIO_BLK", "virtio_blk", "", true, "the payload disk"},
	{"EROFS_FS", "erofs", "", true, "the payload's file system"},
	{"OVERLAY_FS", "overlay", "", true, "a writable layer over the payload"},
	{"SERIAL_8250_CONSOLE", "", "amd64", true, "the console"},
	{"SERIAL_AMBA_PL011_CONSOLE", "", "arm", true, "the console"},
	{"BINFMT_ELF", "", "", true, "programs"},
	{"BINFMT_SCRIPT", "", "", false, "scripts by their first line"},
	{"FUTEX", "", "", true, "Go's scheduler"},
	{"EPOLL", "", "", true, "Go's poller"},
	{"UNIX98_PTYS", "", "", false, "terminals in a guest's programs"},
	{"CGROUPS", "", "", false, "a command and all that it starts can be ended together"},
	{"MEMCG", "", "", false, "a command's memory is bounded"},
	{"CGROUP_PIDS", "", "", false, "a command's processes are bounded"},
	{"MAGIC_SYSRQ", "", "", false, "tasks and stacks of a guest that hangs"},
	{"NET", "", "", false, "lo"},
	{"INET", "", "", false, "lo"},
	{"SHMEM", "", "", false, "shared memory, tmpfs on disk pages"},
}

// Need is a requirement with what a kernel's configuration says of it.
type Need struct {
	Option string `json:"option"`
	State  string `json:"state"` // y, m, n, or "unknown" without a configuration
	Must   bool   `json:"must"`  // without it no machine starts
	Met    bool   `json:"met"`
	Why    string `json:"why"`
}

// Needs says what the harness needs of a kernel of that architecture, and what the configuration gives. An option that a
// configuration does not mention is not set: kconfig leaves out what depends on something that is off.
func Needs(arch string, config map[string]string) []Need {
	var out []Need
	for _, n := range needs {
		if n.arch != "" && n.arch != arch {
			continue
		}
		state := state(config, n.option)
		out = append(out, Need{n.option, state, n.must, state == "y" || state == "m" && n.module != "", n.why})
	}
	return out
}

func state(config map[string]string, option string) string {
	if config == nil {
		return "unknown"
	}
	if v, ok := config[option]; ok {
		return v
	}
	return "n"
}
