package cli

import (
	"fmt"
	"strings"
	"time"
)

// bytesBar shows how much of a known number of bytes is done: on a terminal as a bar in one line, elsewhere as a line now and
// then. It is used from one goroutine.
type bytesBar struct {
	app         *app
	live        bool
	done, total int64
	began, said time.Time
}

func (a *app) bytesBar(total int64) *bytesBar {
	now := a.env.Now()
	return &bytesBar{app: a, live: a.terminal(a.env.Stderr), total: total, began: now, said: now}
}

func (b *bytesBar) add(n int64) {
	b.done += n
	every := heartbeat
	if b.live {
		every = 200 * time.Millisecond
	}
	now := b.app.env.Now()
	if now.Sub(b.said) < every {
		return
	}
	b.said = now
	if !b.live {
		b.app.note("%d of %d MB", b.done>>20, b.total>>20)
		return
	}
	full := int(barWidth * b.done / max(b.total, 1))
	rate := float64(b.done>>20) / max(now.Sub(b.began).Seconds(), 0.001)
	fmt.Fprintf(b.app.env.Stderr, "\r[%s%s] %d of %d MB, %.0f MB/s ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), b.done>>20, b.total>>20, rate)
}

// end clears the line.
func (b *bytesBar) end() {
	if b.live {
		fmt.Fprint(b.app.env.Stderr, "\r\x1b[K")
	}
}
