package kit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"aead.dev/minisign"

	"github.com/plugproof/plugproof/results"
)

// Write writes a kit. The manifest is sorted and checked; content gives the bytes of each part that is not held, once per
// digest, and a part whose bytes are not those of the manifest is an error. progress is told of bytes as they are written;
// it may be nil.
func Write(ctx context.Context, w io.Writer, m *Manifest, key minisign.PrivateKey, content func(Part) (io.ReadCloser, error), progress func(int64)) error {
	m.Sort()
	if err := m.Check(); err != nil {
		return err
	}
	text := m.Text()
	if len(text) > maxManifest {
		return fmt.Errorf("%w: the manifest is longer than %d bytes", ErrFormat, maxManifest)
	}
	signed, signature, err := sign(text, key)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s %d %d\n%s%s", magic, len(signed), len(signature), signed, signature); err != nil {
		return fmt.Errorf("writing the kit: %w", err)
	}
	done := map[results.Digest]bool{}
	for _, p := range m.Parts {
		if p.Held || done[p.SHA256] {
			continue
		}
		done[p.SHA256] = true
		r, err := content(p)
		if err != nil {
			return fmt.Errorf("reading part %q: %w", p.Path, err)
		}
		err = copyPart(ctx, w, r, p, progress)
		if e := r.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyPart copies a part and checks its size and digest.
func copyPart(ctx context.Context, w io.Writer, r io.Reader, p Part, progress func(int64)) error {
	h := sha256.New()
	buf := make([]byte, 256<<10)
	var n int64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, err := r.Read(buf)
		n += int64(k)
		if n > p.Size {
			return fmt.Errorf("%w: %q is longer than %d bytes", ErrPart, p.Path, p.Size)
		}
		h.Write(buf[:k])
		if w != nil {
			if _, err := w.Write(buf[:k]); err != nil {
				return fmt.Errorf("writing part %q: %w", p.Path, err)
			}
		}
		if progress != nil {
			progress(int64(k))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading part %q: %w", p.Path, err)
		}
	}
	if n != p.Size {
		return fmt.Errorf("%w: %q has %d bytes, and %d are named", ErrPart, p.Path, n, p.Size)
	}
	if got := results.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))); got != p.SHA256 {
		return fmt.Errorf("%w: %q has the digest %s, and %s is named", ErrPart, p.Path, got, p.SHA256)
	}
	return nil
}
