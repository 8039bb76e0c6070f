package kit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"

	"aead.dev/minisign"
	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/results"
)

// A Kit is an open kit whose manifest the trusted key signed. Its parts are not checked until Verify, or until they are read.
type Kit struct {
	Manifest *Manifest
	r        io.ReaderAt
	length   int64
	offsets  map[results.Digest]int64
	verified bool
}

// maxHeader bounds the first line, in bytes.
const maxHeader = 64

// Open reads the manifest of a kit of size bytes, and checks signatures, spelling and the kit's length. Its error wraps
// ErrFormat or ErrSignature.
func Open(r io.ReaderAt, size int64, key minisign.PublicKey) (*Kit, error) {
	head := make([]byte, min(maxHeader, max(size, 0)))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading the kit: %w", err)
	}
	line, _, ok := bytes.Cut(head, []byte("\n"))
	words := bytes.Split(line, []byte(" "))
	if !ok || len(words) != 3 || string(words[0]) != magic {
		return nil, fmt.Errorf("%w: it does not begin with %q and two lengths", ErrFormat, magic)
	}
	var lengths [2]int64
	for i, limit := range []int64{maxManifest + 1<<10, maxSignature} {
		n, err := strconv.ParseInt(string(words[i+1]), 10, 64)
		if err != nil || n <= 0 || n > limit || strconv.FormatInt(n, 10) != string(words[i+1]) {
			return nil, fmt.Errorf("%w: length %.30q in its first line", ErrFormat, words[i+1])
		}
		lengths[i] = n
	}
	at := int64(len(line)) + 1
	if at+lengths[0]+lengths[1] > size {
		return nil, fmt.Errorf("%w: it ends within its manifest", ErrFormat)
	}
	signed, signature := make([]byte, lengths[0]), make([]byte, lengths[1])
	for _, b := range [][]byte{signed, signature} {
		if _, err := r.ReadAt(b, at); err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading the kit's manifest: %w", err)
		}
		at += int64(len(b))
	}
	text, err := open(signed, signature, key)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	k := &Kit{Manifest: m, r: r, length: size, offsets: map[results.Digest]int64{}}
	for _, p := range m.Parts {
		if _, ok := k.offsets[p.SHA256]; p.Held || ok {
			continue
		}
		k.offsets[p.SHA256] = at
		at += p.Size
	}
	if at != size {
		return nil, fmt.Errorf("%w: it has %d bytes, and its manifest names %d", ErrFormat, size, at)
	}
	return k, nil
}

// Length is the kit's, in bytes.
func (k *Kit) Length() int64 { return k.length }

// Size is how many bytes Verify reads.
func (k *Kit) Size() int64 {
	var n int64
	seen := map[results.Digest]bool{}
	for _, p := range k.Manifest.Parts {
		if !p.Held && !seen[p.SHA256] {
			seen[p.SHA256] = true
			n += p.Size
		}
	}
	return n
}

// Verify reads every part and checks its digest, several at once. progress is told of bytes as they are read, by one goroutine at a
// time; it may be nil. The error wraps ErrPart and names the first part, in the manifest's order, that is not right.
func (k *Kit) Verify(ctx context.Context, progress func(int64)) error {
	var parts []Part
	seen := map[results.Digest]bool{}
	for _, p := range k.Manifest.Parts {
		if !p.Held && !seen[p.SHA256] {
			seen[p.SHA256] = true
			parts = append(parts, p)
		}
	}
	var mu sync.Mutex
	tell := func(n int64) {
		if progress != nil {
			mu.Lock()
			defer mu.Unlock()
			progress(n)
		}
	}
	errs := make([]error, len(parts))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range parts {
		g.Go(func() error {
			errs[i] = copyPart(ctx, nil, k.section(p), p, tell)
			return nil
		})
	}
	_ = g.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if err := k.checkLinks(ctx); err != nil {
		return err
	}
	k.verified = true
	return nil
}

// Content is a part's bytes, unchecked; a part that is held has none.
func (k *Kit) Content(p Part) (*io.SectionReader, error) {
	if _, ok := k.offsets[p.SHA256]; !ok {
		return nil, fmt.Errorf("%w: %q", ErrBase, p.Path)
	}
	return k.section(p), nil
}

func (k *Kit) section(p Part) *io.SectionReader {
	return io.NewSectionReader(k.r, k.offsets[p.SHA256], p.Size)
}
