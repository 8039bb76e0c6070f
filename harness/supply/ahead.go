package supply

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
)

// What waits of a package that was decompressed before its turn, in pieces of so many bytes.
const (
	piece  = 256 << 10
	pieces = 64
)

// expanded is a package's archive of files, decompressed in the background.
type expanded struct {
	pieces chan []byte
	rest   []byte
	err    error // what ended it; read when pieces is closed
}

// expand calls use with the archive of files of each package, in their order, while those that follow are decompressed already:
// that is nearly all the work, and no package's takes two processors. What use leaves unread is read, for its checksum.
func expand(ctx context.Context, debs []string, use func(io.Reader) error) error {
	var g errgroup.Group
	ctx, cancel := context.WithCancel(ctx)
	defer func() { // what was begun ends before this does
		cancel()
		_ = g.Wait()
	}()
	var begun []*expanded
	for i, deb := range debs {
		for len(begun) < min(len(debs), i+min(runtime.GOMAXPROCS(0), 4)) {
			x, next := &expanded{pieces: make(chan []byte, pieces)}, debs[len(begun)]
			g.Go(func() error {
				x.err = x.fill(ctx, next)
				close(x.pieces)
				return nil
			})
			begun = append(begun, x)
		}
		err := use(begun[i])
		if err == nil {
			_, err = io.Copy(io.Discard, begun[i])
		}
		if err != nil {
			return fmt.Errorf("unpacking %q: %w", filepath.Base(deb), err)
		}
	}
	return nil
}

func (x *expanded) Read(p []byte) (int, error) {
	for len(x.rest) == 0 {
		next, ok := <-x.pieces
		if !ok {
			return 0, x.err
		}
		x.rest = next
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// fill returns io.EOF at the archive's end.
func (x *expanded) fill(ctx context.Context, deb string) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	d, err := data(f, st.Size())
	if err != nil {
		return err
	}
	s, err := binpkg.Expand(d, d.Size(), binpkg.Limits{Expanded: 4 << 30, Ratio: 1024, Entries: 1 << 20, Window: 256 << 20})
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		p, n := make([]byte, piece), 0
		for n < piece && err == nil {
			var k int
			k, err = s.Read(p[n:])
			n += k
		}
		if n > 0 {
			select {
			case x.pieces <- p[:n]:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
}
