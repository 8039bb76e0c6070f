package mirror

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// drip gives chunks of a size, one each time that every is over, until left is used up or ctx ends.
type drip struct {
	ctx   context.Context
	size  int
	every time.Duration
	left  int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(d.every):
	}
	n := min(d.size, d.left, len(p))
	d.left -= n
	return n, nil
}

func (d *drip) Close() error { return nil }

// TestPace: an answer that flows may take its time, one that trickles may not. Time is the test's own.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		drip  drip
		want  error
		after time.Duration
	}{
		{"a byte a second", drip{size: 1, every: time.Second, left: 1000}, errSlow, stretch},
		{"a byte a second, and soon at its end", drip{size: 1, every: time.Second, left: 20}, nil, 20 * time.Second},
		{"just fast enough", drip{size: 2000, every: 1999 * time.Millisecond, left: 1 << 20}, nil, 525 * 1999 * time.Millisecond},
		{"fast", drip{size: 4000, every: time.Second, left: 400_000}, nil, 100 * time.Second},
		{"silent", drip{size: 1 << 16, every: time.Minute, left: 1 << 20}, errSilent, patience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancelCause(t.Context())
				begun := time.Now()
				tt.drip.ctx = ctx
				a := watched(ctx, &tt.drip, end)
				n, err := io.Copy(io.Discard, a)
				if !errors.Is(err, tt.want) || time.Since(begun) != tt.after {
					t.Errorf("%d bytes, %v after %v, want %v after %v", n, err, time.Since(begun), tt.want, tt.after)
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"sha-256=:AAAA:", "sha-999=1, sha-512=:AA==:;q=1", "a=(1 2), b", `sha-256="x"`, ","} {
		f.Add(s, `{"Version":"v1.0.0"}`)
	}
	f.Add("=", `{"Version":1}`)
	f.Fuzz(func(t *testing.T, field, info string) {
		for name, sum := range digests([]string{field}) {
			if name == "" || len(sum) > len(field) {
				t.Errorf("%q has %d bytes of %d", name, len(sum), len(field))
			}
		}
		if checkInfo("mod/example.test/a/@v/v1.0.0.info", []byte(info)) == nil && len(info) < len("v1.0.0") {
			t.Errorf("%q is about v1.0.0", info)
		}
	})
}
