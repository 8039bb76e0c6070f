//go:build linux

package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// configureFile lists the INSTALL scripts that wait for the first boot; an image without it has none.
const configureFile = "/lib/plugproof/configure.json"

// databaseFile is xbps's list of packages, as images/xbps/install writes it.
const databaseFile = "/var/db/xbps/pkgdb-0.38.plist"

// scriptTime is how long one script may take.
const scriptTime = 2 * time.Minute

// What is kept of a script's output, and of all of them together, in bytes: the greeting is one frame.
const (
	scriptOutput = 1 << 10
	allOutput    = 32 << 10
)

// script is an INSTALL script (images.Script).
type script struct {
	Package string `json:"package"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	Text    []byte `json:"text"`
}

// configure does what xbps-reconfigure does for packages that are only unpacked: it runs each INSTALL script with the
// action "post" and calls the package installed if that ended well. A script that fails stops no other.
func configure() ([]guest.Configured, error) {
	raw, err := os.ReadFile(configureFile)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var list []script
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the INSTALL scripts: %w", err)
	}
	os.Remove(configureFile) // its memory would be part of every saved machine
	db, err := os.ReadFile(databaseFile)
	if err != nil {
		return nil, fmt.Errorf("reading xbps's database: %w", err)
	}
	out, left := make([]guest.Configured, 0, len(list)), allOutput
	for i, s := range list {
		c := s.run(i)
		if c.Exit == 0 && c.Error == "" {
			db = installed(db, s.Name)
		}
		c.Output = strings.ToValidUTF8(c.Output[max(0, len(c.Output)-left):], "?")
		left -= len(c.Output)
		out = append(out, c)
	}
	if len(list) == 0 {
		return out, nil
	}
	if err := os.WriteFile(databaseFile+".new", db, 0o644); err != nil {
		return nil, fmt.Errorf("writing xbps's database: %w", err)
	}
	if err := os.Rename(databaseFile+".new", databaseFile); err != nil {
		return nil, fmt.Errorf("writing xbps's database: %w", err)
	}
	return out, nil
}

// installed changes the state of a package in the database. That text is plugproof's own, or xbps's: keys on lines of their
// own, one tab deeper for each dictionary.
func installed(db []byte, name string) []byte {
	head := []byte("\n\t<key>" + name + "</key>\n\t<dict>\n")
	at := bytes.Index(db, head)
	if at < 0 {
		return db
	}
	entry := db[at+len(head):]
	end := bytes.Index(entry, []byte("\n\t</dict>"))
	if end < 0 {
		return db
	}
	was, is := []byte("\t\t<key>state</key>\n\t\t<string>unpacked</string>"), []byte("\t\t<key>state</key>\n\t\t<string>installed</string>")
	changed := bytes.Replace(entry[:end], was, is, 1)
	return bytes.Join([][]byte{db[:at], head, changed, entry[end:]}, nil)
}

// run runs the script as xbps does: NAME of a temporary file, "post", package, version, "no" (no update), "no" (no
// configuration file), architecture (xbps, lib/package_script.c), in the root, with umask 022.
func (s script) run(index int) guest.Configured {
	c := guest.Configured{Package: s.Package, Exit: -1}
	name := fmt.Sprintf("/tmp/.xbps-script-%06d", index)
	if err := os.WriteFile(name, s.Text, 0o750); err != nil {
		c.Error = err.Error()
		return c
	}
	defer os.Remove(name)
	shell := ""
	for _, file := range []string{"/bin/sh", "/bin/dash", "/bin/bash"} {
		if st, err := os.Stat(file); err == nil && st.Mode()&0o111 != 0 {
			shell = file
			break
		}
	}
	if shell == "" {
		c.Error = "there is no shell to run it"
		return c
	}
	r, w, err := os.Pipe()
	if err != nil {
		c.Error = err.Error()
		return c
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		w.Close()
		c.Error = err.Error()
		return c
	}
	defer null.Close()
	b, err := newBox(1_000_000 + index)
	if err != nil {
		w.Close()
		c.Error = err.Error()
		return c
	}
	defer b.close()
	args := []string{filepath.Base(shell), name, "post", s.Name, s.Version, "no", "no", s.Arch}
	pid, err := startRestricted(b, shell, args, []*os.File{null, w, w})
	w.Close()
	if err != nil {
		c.Error = err.Error()
		return c
	}
	output := make(chan string, 1)
	go func() {
		var t tail
		io.Copy(&t, r)
		output <- string(t.kept)
	}()
	late := time.AfterFunc(scriptTime, func() { b.killAll(true); syscall.Kill(pid, syscall.SIGKILL) })
	status, _, err := reap(pid)
	if !late.Stop() {
		c.Error = fmt.Sprintf("it did not end within %v", scriptTime)
	}
	b.killAll(true)
	reapRest()
	r.SetReadDeadline(time.Now().Add(2 * time.Second)) // something that left the box may hold the pipe
	c.Output = <-output
	switch {
	case err != nil:
		c.Error = err.Error()
	case status.Signaled():
		c.Exit = 128 + int(status.Signal())
	default:
		c.Exit = status.ExitStatus()
	}
	return c
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > scriptOutput {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-scriptOutput:]...)
	}
	return len(p), nil
}

// scriptCapabilities are what an INSTALL script needs of root's powers: to own and change files, to be another user, to
// change root (capabilities(7)): CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL, SETGID, SETUID, SYS_CHROOT,
// SETFCAP. Mounts, devices, modules, raw I/O and the clock are not among them.
const scriptCapabilities = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<18 | 1<<31

// startRestricted starts a program of root's with those capabilities only, on a thread that ends with it: what the
// thread gives up cannot be taken back.
func startRestricted(b *box, path string, args []string, files []*os.File) (int, error) {
	type started struct {
		pid int
		err error
	}
	done := make(chan started)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		pid, err := forkRestricted(b, path, args, files)
		done <- started{pid, err}
	}()
	s := <-done
	if s.err != nil {
		return 0, fmt.Errorf("starting %q: %w", path, s.err)
	}
	return s.pid, nil
}

func forkRestricted(b *box, path string, args []string, files []*os.File) (int, error) {
	const dropFromBounding, setNoNewPrivs = 24, 38 // PR_CAPBSET_DROP and PR_SET_NO_NEW_PRIVS, prctl(2)
	for c := uintptr(0); c < 64; c++ {
		if c < 32 && uint32(scriptCapabilities)>>c&1 == 1 {
			continue
		}
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, dropFromBounding, c, 0, 0, 0, 0); errno != 0 {
			if errno == syscall.EINVAL {
				break // beyond the kernel's last capability
			}
			return 0, fmt.Errorf("giving up capability %d: %w", c, errno)
		}
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return 0, fmt.Errorf("no_new_privs: %w", errno)
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: []string{"PATH=/usr/bin:/usr/sbin:/bin:/sbin", "HOME=/root", "TMPDIR=/tmp"}, Sys: &syscall.SysProcAttr{Setsid: true}}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	if b.dir != "" {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, b.fd
	}
	return syscall.ForkExec(path, args, attr)
}
