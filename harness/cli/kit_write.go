package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"aead.dev/minisign"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// writeKit writes beside the file's place and renames.
func writeKit(ctx context.Context, out string, m *kit.Manifest, key minisign.PrivateKey, content func(kit.Part) (io.ReadCloser, error)) (results.Digest, int64, error) {
	f, err := draft(out)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	b := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	err = kit.Write(ctx, b, m, key, content, nil)
	var size int64
	if err == nil {
		err = errors.Join(b.Flush(), f.Chmod(0o644), f.Sync())
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		return "", 0, errors.Join(err, os.Remove(f.Name()))
	}
	return results.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), size, nil
}

// draft opens the file that will become out. One that was left there by a run that was killed is begun anew; of two runs at once
// the second is refused.
func draft(out string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(out), ".plugproof-new-"+filepath.Base(out))
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, usagef("give -o a file in a directory that is there", "%w", err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			return nil, usagef("wait for it, or give another -o", "%q is being written by another run: %w", out, err)
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Lstat(name); err == nil && os.SameFile(mine, there) {
				return f, f.Truncate(0)
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}
