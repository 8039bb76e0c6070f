package build

import (
	"fmt"
	"sync"
)

// What is kept of a command's output: its beginning and its end, in bytes.
const (
	headKept = 256 << 10
	tailKept = 256 << 10
)

// tail keeps the beginning and the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	head []byte
	ring []byte
	lost int64 // bytes
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if room := headKept - len(t.head); room > 0 {
		k := min(room, len(p))
		t.head = append(t.head, p[:k]...)
		p = p[k:]
	}
	t.ring = append(t.ring, p...)
	if over := len(t.ring) - tailKept; over > tailKept { // rarely, so that not every write moves the bytes
		t.lost += int64(over)
		t.ring = append(t.ring[:0], t.ring[over:]...)
	}
	return n, nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost > 0 {
		return fmt.Sprintf("%s\n[%d bytes left out]\n%s", t.head, t.lost, t.ring)
	}
	return string(t.head) + string(t.ring)
}
