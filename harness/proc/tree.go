package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// killTree kills everything beneath the supervisor.
func killTree(l level) {
	if l != bySubreaper {
		syscall.Kill(-1, syscall.SIGKILL) // process 1 reaches exactly its namespace with this
		return
	}
	self := os.Getpid()
	for range 100 { // a tree that forks while it is being killed needs more than one round
		found := descendants(self)
		for _, pid := range found {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(found) == 0 {
			return
		}
	}
}

// descendants lists the living processes beneath pid. An orphan's parent is the subreaper, so none is missed.
func descendants(pid int) []int {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, d := range names {
		id, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue
		}
		if parent, state := parentOf(string(stat)); state != 'Z' {
			children[parent] = append(children[parent], id)
		}
	}
	var all []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return all
}

// parentOf reads the parent's id and the state letter from a line of /proc/PID/stat. The program's name, in parentheses, may hold anything.
func parentOf(stat string) (int, byte) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return -1, 'Z'
	}
	f := strings.Fields(stat[i+1:])
	if len(f) < 2 {
		return -1, 'Z'
	}
	ppid, err := strconv.Atoi(f[1])
	if err != nil {
		return -1, 'Z'
	}
	return ppid, f[0][0]
}
