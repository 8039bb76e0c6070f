package proc

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// enter completes the namespaces that the supervisor was cloned into. It returns what it was doing when it failed.
func enter(o order) (string, error) {
	if o.Level == bySubreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return "becoming a subreaper", err
		}
		return "", nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return "making mounts private", err
	}
	// The old /proc shows other process ids; /proc/self would lead nowhere.
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return "mounting /proc", err
	}
	if !o.Network {
		if err := raiseLoopback(); err != nil {
			return "setting lo up", err
		}
	}
	if o.Hostname != "" {
		if err := unix.Sethostname([]byte(o.Hostname)); err != nil {
			return "setting the host name", err
		}
	}
	for _, b := range o.Binds {
		if err := bind(b); err != nil {
			return fmt.Sprintf("mounting %q on %q", b.From, b.To), err
		}
	}
	for _, dir := range o.Hide {
		if err := hide(dir); err != nil {
			return fmt.Sprintf("hiding %q", dir), err
		}
	}
	if o.Root != "" {
		if err := pivot(o.Root); err != nil {
			return fmt.Sprintf("making %q the root", o.Root), err
		}
	}
	if o.Level == byUser {
		// The supervisor's capabilities were for the mounts above; the child gets none.
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
			return "dropping capabilities", err
		}
	}
	return "", nil
}

// pivot makes dir the root of the mount namespace, with a /proc of its own. Nothing else stays: a process that was put into a
// chroot may make no user namespaces, and its root is no mount that could be made private.
func pivot(dir string) error {
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", dir+"/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil { // the old root lies over the new one then: pivot_root(2), NOTES
		return err
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return err
	}
	return os.Chdir("/")
}

func bind(b Bind) error {
	if err := syscall.Mount(b.From, b.To, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	if !b.ReadOnly {
		return nil
	}
	// Read-only needs a second call, and inside a user namespace the flags that are locked must be repeated.
	var st unix.Statfs_t
	if err := unix.Statfs(b.To, &st); err != nil {
		return err
	}
	keep := uintptr(st.Flags) & (syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC | syscall.MS_NOATIME | syscall.MS_NODIRATIME)
	if uint64(st.Flags)&unix.ST_RELATIME != 0 {
		keep |= syscall.MS_RELATIME
	}
	return syscall.Mount("", b.To, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY|keep, "")
}

func hide(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return syscall.ENOTDIR
	}
	return syscall.Mount("hidden", dir, "tmpfs", syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, "size=4k,mode=0555")
}

// raiseLoopback sets the interface lo up: a program under test may listen on 127.0.0.1.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}
