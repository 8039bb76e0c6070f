//go:build linux

package agent

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// streams are the pipes of a running command, each drained to its end whatever is kept of it.
type streams struct {
	readers  []*os.File
	wait     sync.WaitGroup
	seen     atomic.Int64 // bytes read
	generous atomic.Bool  // after SIGQUIT, extra bytes are kept for the goroutine dump
	dropped  [3]atomic.Int64
}

// extra is what is kept beyond the limit once the command was told to dump its goroutines, in bytes.
const extra = 128 << 10

// openStreams makes the pipes and returns the files of the command: /dev/null, stdout, stderr and, if asked for, the report.
func openStreams(enc *guest.Encoder, c guest.Command) (*streams, []*os.File, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	limit := c.OutputLimit
	if limit <= 0 {
		limit = guest.DefaultOutputLimit
	}
	s, files := &streams{}, []*os.File{null}
	kinds := []guest.Kind{guest.Stdout, guest.Stderr, guest.Report}
	if !c.Report {
		kinds = kinds[:2]
	}
	for i, kind := range kinds {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, fmt.Errorf("making a pipe: %w", err)
		}
		s.readers, files = append(s.readers, r), append(files, w)
		s.wait.Add(1)
		go s.drain(enc, r, kind, limit, i)
	}
	return s, files, nil
}

func (s *streams) drain(enc *guest.Encoder, r *os.File, kind guest.Kind, limit int64, index int) {
	defer s.wait.Done()
	buf, kept := make([]byte, 32<<10), int64(0)
	for {
		n, err := r.Read(buf)
		s.seen.Add(int64(n))
		allowed := limit
		if s.generous.Load() {
			allowed += extra
		}
		keep := min(int64(n), max(0, allowed-kept))
		if keep > 0 {
			if enc.Send(kind, buf[:keep]) != nil {
				return
			}
			kept += keep
		}
		s.dropped[index].Add(int64(n) - keep)
		if err != nil {
			return
		}
	}
}

// finish waits until the pipes are empty, at most as long as something the box does not hold may keep them open.
func (s *streams) finish(end *guest.End) {
	done := make(chan struct{})
	go func() { s.wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		for _, r := range s.readers {
			r.SetReadDeadline(time.Now())
		}
		<-done
	}
	for _, r := range s.readers {
		r.Close()
	}
	for i := range end.Dropped {
		end.Dropped[i] = s.dropped[i].Load()
	}
}

// meter tells whether the machine was idle since it was last asked. It counts the kernel's own ticks: where the host gives
// this machine no processor time its commands look busy, so that a loaded host makes no hang.
type meter struct{ total, free int64 }

func newMeter() *meter {
	m := &meter{}
	m.idle()
	return m
}

// idle says that at least 80 % of the ticks since the last call had nothing to run.
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
	return total > was.total && 5*(free-was.free) >= 4*(total-was.total)
}
