//go:build linux

package agent

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// meter tells whether the machine was idle since it was last asked. It counts the kernel's own ticks: where the host gives
// this machine no processor time its commands look busy, so that a loaded host makes no hang.
type meter struct{ total, free int64 }

// idle says that at least 80 % of the ticks since the last call had nothing to run. The first call says no.
func (m *meter) idle() bool {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return false
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	var total, free int64
	for i, word := range strings.Fields(s.Text()) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			continue // the first word is "cpu"
		}
		total += n
		if i == 4 { // user, nice, system, idle; waiting for the disk is work
			free = n
		}
	}
	was := *m
	m.total, m.free = total, free
	return was.total > 0 && total > was.total && 5*(free-was.free) >= 4*(total-was.total)
}
