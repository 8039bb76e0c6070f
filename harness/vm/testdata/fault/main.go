//go:build linux

// Command fault does one bad thing, named by its first argument. As a plugin it does what $DEED names, when it is opened or,
// where $DEED_WHEN is call, when its function is called.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	deed := deeds[os.Args[1]]
	if deed == nil {
		fmt.Fprintf(os.Stderr, "fault: unknown deed %q\n", os.Args[1])
		os.Exit(99)
	}
	deed(os.Args[2:])
}

// Deed is for hosts that have opened this as a plugin.
func Deed() {
	words := strings.Fields(os.Getenv("DEED"))
	deeds[words[0]](words[1:])
}

var sink [][]byte

// deeds by their names.
var deeds = map[string]func([]string){
	"exit": func(a []string) {
		fmt.Println("standard output")
		fmt.Fprintln(os.Stderr, "standard error")
		n, _ := strconv.Atoi(a[0])
		os.Exit(n)
	},
	"who": func([]string) {
		fmt.Println(os.Getuid(), os.Getgid(), len(os.Args))
		_, err := os.ReadFile("/proc/1/environ")
		fmt.Println("init's environment:", err)
	},
	"env":    func([]string) { fmt.Println(strings.Join(os.Environ(), " ")) },
	"clock":  func([]string) { fmt.Println(time.Now().Unix()) },
	"random": func([]string) { random() },
	"panic":  func([]string) { panic("a Go panic") },
	"null":   func([]string) { var p *int; *p = 1 },
	"segv":   func([]string) { signal.Ignore(syscall.SIGSEGV); die(syscall.SIGSEGV) },
	"kill":   func([]string) { die(syscall.SIGKILL) },
	"spin": func([]string) {
		for {
		}
	},
	"speak": func([]string) {
		fmt.Println("I spin now")
		for {
		}
	},
	"sleep":    func([]string) { time.Sleep(time.Hour) },
	"deadlock": func([]string) { <-make(chan int) },
	"ignore": func([]string) {
		signal.Ignore(syscall.SIGQUIT, syscall.SIGTERM)
		for {
		}
	},
	"forks": func([]string) {
		for { // without exec and threads: Go's runtime would give up where the kernel refuses one
			if pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0); pid == 0 && errno == 0 {
				for {
					syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
				}
			}
		}
	},
	"leaves": func([]string) { // a child in another session that keeps the pipes open
		c := exec.Command("/proc/self/exe", "sleep")
		c.Stdout, c.Stderr, c.SysProcAttr = os.Stdout, os.Stderr, &syscall.SysProcAttr{Setsid: true}
		fmt.Println("left:", c.Start())
	},
	"eats": func([]string) {
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			sink = append(sink, b)
		}
	},
	"flood": func([]string) {
		b := []byte(strings.Repeat("0123456789abcdef", 4096))
		for range 50 {
			os.Stdout.Write(b[:1<<16])
			for range 15 {
				os.Stdout.Write(b)
			}
		}
	},
	"forge": func([]string) {
		fmt.Println(`{"index":0,"exit":0}` + "\nppf1\x08\x00\x00\x00 kernel panic: Kernel panic - not syncing")
		syscall.Write(3, []byte("open 0\nok 0\nend\n"))
		os.Exit(7)
	},
	"devices": func([]string) {
		n := 0
		files, _ := filepath.Glob("/dev/*")
		for _, f := range files {
			fd, err := syscall.Open(f, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
			if err == nil {
				syscall.Write(fd, make([]byte, 4096))
				n++
			}
		}
		fmt.Println("opened", n)
	},
	"kills": func([]string) {
		fmt.Println(syscall.Kill(-1, syscall.SIGKILL), syscall.Kill(1, syscall.SIGKILL))
	},
	"kernel": func([]string) { os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0) },
	"console": func([]string) {
		f, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		for range 1000 {
			fmt.Fprintln(f, strings.Repeat("x", 1000))
		}
	},
	"unplug": func([]string) {
		if err := syscall.Mlockall(mclCurrent); err != nil { // its own code is on that disk
			fmt.Println(err)
		}
		if err := os.WriteFile("/sys/block/vda/device/driver/unbind", []byte(virtio("/sys/block/vda/device")), 0); err != nil {
			fmt.Println(err)
		}
		_, err := os.ReadFile("/payload/data")
		fmt.Println("read:", err != nil)
	},
	"corrupt": func([]string) { corrupt() },
	"tree":    func(a []string) { tree(a[0]) },
	"writes": func([]string) {
		dir, _ := os.Getwd()
		fmt.Println(dir+":", os.WriteFile("data", []byte("new"), 0o600), os.WriteFile("more", nil, 0o600), os.Remove("fault"))
	},
}

const mclCurrent = 1 // MCL_CURRENT of mlockall(2)

// tree describes every file below root.
func tree(root string) {
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			fmt.Println(path, err)
			return nil
		}
		owner := info.Sys().(*syscall.Stat_t).Uid
		line := fmt.Sprint(path, " ", info.Mode(), " ", owner)
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				line += " " + err.Error()
			}
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
		case info.Mode()&os.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			line += " " + to
		}
		fmt.Println(line)
		return nil
	})
}

func die(s syscall.Signal) {
	syscall.Kill(os.Getpid(), s)
	time.Sleep(time.Hour)
}

// random prints 16 bytes of getrandom(2).
func random() {
	f, err := os.Open("/dev/urandom")
	if err != nil {
		fmt.Println(err)
		return
	}
	var b [16]byte
	f.Read(b[:])
	fmt.Printf("%x\n", b)
}

func virtio(link string) string {
	to, _ := os.Readlink(link)
	return filepath.Base(to)
}

// corrupt takes the result channel from init (pidfd_open(2), pidfd_getfd(2)) and writes into it.
func corrupt() {
	pid, _, errno := syscall.Syscall(434, 1, 0, 0)
	if errno != 0 {
		fmt.Println(errno)
		os.Exit(3)
	}
	files, _ := filepath.Glob("/proc/1/fd/*")
	for _, file := range files {
		to, _ := os.Readlink(file)
		if !strings.Contains(to, "vport") {
			continue
		}
		n, _ := strconv.Atoi(filepath.Base(file))
		fd, _, errno := syscall.Syscall(438, pid, uintptr(n), 0)
		if errno == 0 {
			b := []byte("ppf1 this is no frame, but it is long enough to be taken for the header of one")
			syscall.Syscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		}
	}
}
