//go:build linux

package agent

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"github.com/plugproof/plugproof/harness/guest"
)

// mounts are made in this order; one that is not required may fail.
var mounts = []struct {
	kind, dir, options string
	flags              uintptr
	required           bool
}{
	{"proc", "/proc", "", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, true},
	{"sysfs", "/sys", "", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, true},
	{"devtmpfs", "/dev", "mode=0755", syscall.MS_NOSUID, true},
	{"tmpfs", "/tmp", "mode=1777", syscall.MS_NOSUID | syscall.MS_NODEV, true},
	{"tmpfs", "/run", "mode=0755", syscall.MS_NOSUID | syscall.MS_NODEV, true},
	{"devpts", "/dev/pts", "mode=0620,ptmxmode=0666", syscall.MS_NOSUID | syscall.MS_NOEXEC, false},
	{"tmpfs", "/dev/shm", "mode=1777", syscall.MS_NOSUID | syscall.MS_NODEV, false},
	{"cgroup2", "/sys/fs/cgroup", "", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, false},
}

// ModuleDir holds the modules to load; their names sort in the order of loading.
const ModuleDir = "/lib/plugproof/modules"

// prepare mounts the kernel's file systems, loads the modules, brings the loopback interface up and runs INSTALL scripts.
func prepare() (guest.Greeting, error) {
	hello := uname()
	for _, m := range mounts {
		if err := os.MkdirAll(m.dir, 0o755); err != nil && m.required {
			return hello, err
		}
		if err := syscall.Mount(m.kind, m.dir, m.kind, m.flags, m.options); err != nil && m.required {
			return hello, fmt.Errorf("mounting %s: %w", m.dir, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		os.Symlink(target, "/dev/"+name) // may be there already
	}
	if err := loadModules(); err != nil {
		return hello, err
	}
	syscall.Sethostname([]byte("plugproof"))
	if err := loopbackUp(); err != nil {
		return hello, err
	}
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, -10) // heartbeats come through a fork bomb
	os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
	var err error
	hello.Configured, err = configure()
	return hello, err
}

// loadModules loads every file of ModuleDir, in the order of the names. A module that is there already is fine.
func loadModules() error {
	files, err := filepath.Glob(ModuleDir + "/*.ko")
	if err != nil {
		return err
	}
	noParameters := []byte{0}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, _, errno := syscall.Syscall(syscall.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), uintptr(unsafe.Pointer(&noParameters[0])))
		if errno != 0 && errno != syscall.EEXIST {
			return fmt.Errorf("loading module %s: %w", filepath.Base(file), errno)
		}
		os.Remove(file) // its memory would be part of every saved machine
	}
	return nil
}

// loopbackUp sets IFF_UP on lo (netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS).
func loopbackUp() error {
	const getFlags, setFlags = 0x8913, 0x8914
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	defer syscall.Close(fd)
	var req [40]byte // struct ifreq: a name of 16 bytes and a union
	copy(req[:], "lo")
	if err := ioctl(fd, getFlags, unsafe.Pointer(&req)); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	flags := binary.LittleEndian.Uint16(req[16:])
	binary.LittleEndian.PutUint16(req[16:], flags|syscall.IFF_UP)
	if err := ioctl(fd, setFlags, unsafe.Pointer(&req)); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	return nil
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// freshen sets the clock and reseeds the random pool: after a restore both are those of the machine that was saved
// (random(4): RNDADDENTROPY, RNDRESEEDCRNG).
func freshen(random int, order guest.Order) error {
	now := syscall.NsecToTimeval(order.UnixNS)
	if err := syscall.Settimeofday(&now); err != nil {
		return fmt.Errorf("setting the clock: %w", err)
	}
	const addEntropy, reseed = 0x40085203, 0x5207
	if len(order.Seed) == 0 {
		return nil
	}
	pool := make([]byte, 8, 8+len(order.Seed)) // struct rand_pool_info: bits, bytes, the bytes
	binary.NativeEndian.PutUint32(pool, uint32(8*len(order.Seed)))
	binary.NativeEndian.PutUint32(pool[4:], uint32(len(order.Seed)))
	pool = append(pool, order.Seed...)
	if err := ioctl(random, addEntropy, unsafe.Pointer(&pool[0])); err != nil {
		return fmt.Errorf("seeding the random pool: %w", err)
	}
	if err := ioctl(random, reseed, nil); err != nil {
		return fmt.Errorf("reseeding the random pool: %w", err)
	}
	return nil
}

// mountPayload mounts the payload disk, once its device has appeared.
func mountPayload() error {
	var err error
	for range tries {
		if err = syscall.Mount("/dev/vda", guest.PayloadDir, "erofs", syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, ""); err != syscall.ENOENT {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("mounting the payload disk: %w", err)
	}
	return nil
}

// forget drops what was read of the payload disk: a restored machine has another one. The root directory itself stays known;
// it is the same on every disk whose order does not ask for a remount (images/rootfs.Standard).
func forget() {
	syscall.Sync()
	os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0)
}

func uname() guest.Greeting {
	var u syscall.Utsname
	syscall.Uname(&u)
	return guest.Greeting{Release: cString(u.Release[:]), Machine: cString(u.Machine[:])}
}

// cString reads a zero-terminated string; its element type differs between architectures.
func cString[T int8 | uint8](s []T) string {
	var b []byte
	for _, c := range s {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}

// powerOff ends the machine. A reset, which QEMU's -no-reboot turns into an exit, works on boards without a power switch too.
func powerOff() {
	syscall.Sync()
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	select {}
}
