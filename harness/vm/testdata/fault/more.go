//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The deeds of somebody who knows how the machine works.
func init() {
	for name, deed := range map[string]func([]string){
		"signal": func(a []string) { // to itself, by number
			n, _ := strconv.Atoi(a[0])
			syscall.Kill(os.Getpid(), syscall.Signal(n))
			time.Sleep(time.Hour)
		},
		"group":  func([]string) { syscall.Kill(0, syscall.SIGKILL); time.Sleep(time.Hour) },
		"stops":  func([]string) { fmt.Println(syscall.Kill(-1, syscall.SIGSTOP)) },
		"goexit": func([]string) { runtime.Goexit() },
		"closes": func([]string) {
			for fd := range 1024 {
				syscall.Close(fd)
			}
		},
		"garbles": func([]string) { // whatever it can write to
			for fd := range 64 {
				syscall.Write(fd, []byte("err 0 ok\x00\xff\n"))
			}
		},
		"reports": func([]string) { // more than anybody wants to know
			b := []byte(strings.Repeat("ok 0\n", 1<<14))
			for range 300 {
				syscall.Write(3, b)
			}
		},
		"nul": func([]string) {
			os.Stdout.Write(bytes.Repeat([]byte{0, 0xff, '\r', 0x1b, '['}, 1000))
			os.Stderr.Write(make([]byte, 1000))
		},
		"unended": func([]string) { // 200 MB in one line, and a panic behind it
			b := bytes.Repeat([]byte("x"), 1<<20)
			for range 200 {
				os.Stderr.Write(b)
			}
			panic("behind a long line")
		},
		"long": func([]string) { // a panic whose message hides where it begins
			os.Stderr.Write(bytes.Repeat([]byte("x"), 300<<10))
			panic(strings.Repeat("long message ", 1<<17))
		},
		"longnull": func([]string) {
			os.Stderr.Write(bytes.Repeat([]byte("x"), 300<<10))
			var p *int
			*p = 1
		},
		"midway": func([]string) { // ends while it writes
			b := bytes.Repeat([]byte("0123456789abcdef"), 4096)
			for range 4 {
				go func() {
					for {
						os.Stdout.Write(b)
					}
				}()
			}
			time.Sleep(100 * time.Millisecond)
			os.Exit(3)
		},
		"waits": func([]string) { go func() { select {} }() },
		"says": func([]string) { // a panic's words without a panic
			fmt.Fprintln(os.Stderr, "panic: not at all\nfatal error: neither\nusage: this is")
			os.Exit(2)
		},
		"itself": func([]string) { // writes over its own code (proc(5))
			f, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
			if err != nil {
				fmt.Println(err)
				return
			}
			trap := []byte{0xcc, 0xcc, 0xcc, 0xcc} // INT3
			if runtime.GOARCH == "arm" {
				trap = []byte{0xf0, 0x01, 0xf0, 0xe7} // UDF #16, which Linux takes for a breakpoint
			}
			f.WriteAt(trap, int64(reflect.ValueOf(victim).Pointer()))
			victim()
		},
		"privileges": func([]string) {
			_, kmsg := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
			fmt.Println("kmsg:", kmsg)
			fmt.Println("mount:", syscall.Mount("none", "/tmp", "tmpfs", 0, ""))
			fmt.Println("read-only:", syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
			fmt.Println("unmount:", syscall.Unmount("/payload", syscall.MNT_DETACH))
			fmt.Println("ptrace:", syscall.PtraceAttach(1))
			fmt.Println("clock:", syscall.Settimeofday(&syscall.Timeval{Sec: 1}))
			fmt.Println("limit:", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1 << 28, Max: 1 << 28}))
			fmt.Println("sysrq:", os.WriteFile("/proc/sysrq-trigger", []byte("b"), 0))
			fmt.Println("reboot:", syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART))
			fmt.Println("nice:", syscall.Setpriority(syscall.PRIO_PROCESS, 0, -20))
			fmt.Println("name:", syscall.Sethostname([]byte("x")))
			_, init := os.OpenFile("/proc/1/mem", os.O_RDWR, 0)
			fmt.Println("init:", init)
			fmt.Println("user:", syscall.Setuid(0))
			_, box := os.OpenFile("/sys/fs/cgroup/cgroup.procs", os.O_WRONLY, 0)
			fmt.Println("box:", box)
		},
		"fills": func([]string) { // every place it can write to
			b := make([]byte, 1<<20)
			for _, dir := range []string{"/tmp", "/dev/shm", "/run", "/var/tmp", "/"} {
				f, err := os.Create(filepath.Join(dir, "full"))
				n := 0
				for err == nil && n < 1<<12 {
					_, err = f.Write(b)
					n++
				}
				fmt.Println(dir, n, err)
			}
		},
		"files": func([]string) {
			n := 0
			for ; n < 100_000; n++ {
				if _, err := syscall.Open("/tmp", syscall.O_RDONLY, 0); err != nil {
					fmt.Println(err)
					break
				}
			}
			fmt.Println("open:", n)
		},
		"stack": func([]string) { fmt.Println(deeper(1)) },
		// as root
		"sysrq": func(a []string) { os.WriteFile("/proc/sysrq-trigger", []byte(a[0]), 0); time.Sleep(time.Hour) },
		"kmsg": func([]string) {
			os.WriteFile("/dev/kmsg", []byte("<0>Kernel panic - not syncing: not at all"), 0)
			fmt.Println("said")
		},
		"yesterday": func([]string) {
			fmt.Println(syscall.Settimeofday(&syscall.Timeval{Sec: 1}))
			fmt.Println(syscall.Settimeofday(&syscall.Timeval{Sec: 1 << 30}))
		},
		"holds": func([]string) { // nearly all that it may, with room for its own program
			group, _ := os.ReadFile("/proc/self/cgroup")
			raw, err := os.ReadFile("/sys/fs/cgroup" + strings.TrimSpace(strings.TrimPrefix(string(group), "0::")) + "/memory.max")
			if err != nil {
				fmt.Println(err)
				return
			}
			limit, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
			b, err := syscall.Mmap(-1, 0, limit-8<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			for range 5 {
				for i := 0; i < len(b); i += 4096 {
					b[i]++
				}
			}
			fmt.Println("held", err)
		},
		"readonly": func([]string) { fmt.Println(syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")) },
		"reboot":   func([]string) { fmt.Println(syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)) },
		"off":      func([]string) { fmt.Println(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)) },
		"halt": func([]string) {
			halt := uint32(syscall.LINUX_REBOOT_CMD_HALT)
			fmt.Println(syscall.Reboot(int(int32(halt))))
		},
		"detaches": func([]string) {
			fmt.Println(syscall.Unmount("/payload", syscall.MNT_DETACH), syscall.Unmount("/proc", syscall.MNT_DETACH), syscall.Unmount("/dev", syscall.MNT_DETACH))
		},
		"swept": func([]string) { // everything it may remove
			for _, dir := range []string{"/dev", "/tmp", "/run", "/init"} {
				fmt.Println(os.RemoveAll(dir))
			}
		},
	} {
		deeds[name] = deed
	}
	if os.Getenv("DEED_WHEN") == "init" {
		Deed()
	}
}

//go:noinline
func victim() { sink = nil }

//go:noinline
func deeper(n int) int {
	var room [1 << 12]byte
	room[n%len(room)] = byte(n)
	return deeper(n+1) + int(room[(n+1)%len(room)])
}
