package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// unfinished is a file in the making, in the folder of its place. A mirror serves no name that begins with a dot, and of two that
// sync into one folder the second waits.
const unfinished = ".plugproof-sync"

// Sync makes the files of dir those of the mirror at url: what is new is fetched, what differs is replaced, what the mirror does not
// have is removed. It is done when the digest of dir's own index is that of the mirror's. Every file is checked before it takes
// its place. Killed at any moment it leaves whole files, old and new ones, and the next run does what is missing. It waits for others
// that sync or unpack into dir. It returns how many were fetched and removed.
func Sync(ctx context.Context, url, dir string, hc *http.Client) (fetched, removed int, index results.Digest, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, 0, "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, 0, "", err
	}
	defer root.Close()
	release, err := kit.Lock(ctx, root)
	if err != nil {
		return 0, 0, "", err
	}
	defer release()
	if err := sweep(root); err != nil {
		return 0, 0, "", err
	}
	s := &Server{Client: hc}
	resp, err := s.get(ctx, url, IndexPath)
	if err != nil {
		return 0, 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxIndex+1))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, resp.Status)
	}
	if err != nil {
		return 0, 0, "", fmt.Errorf("reading the index: %w", err)
	}
	theirs, err := ParseIndex(text)
	if err != nil {
		return 0, 0, "", err
	}
	if len(theirs) == 0 {
		return 0, 0, "", errors.New("its index names no file: a standby is not emptied because of that")
	}
	own := &Files{root: root}
	ours, err := own.Index()
	if err != nil {
		return 0, 0, "", err
	}
	have := map[string]Entry{}
	for _, e := range ours {
		have[e.Path] = e
	}
	for _, e := range theirs {
		if have[e.Path] != e {
			if err := s.fetch(ctx, root, url, e); err != nil {
				return fetched, removed, "", fmt.Errorf("fetching %q: %w", e.Path, err)
			}
			fetched++
		}
		delete(have, e.Path)
	}
	for name := range have {
		at, _ := place(name)
		if st, err := root.Lstat(at); err == nil && !st.IsDir() { // else it made way
			if err := root.Remove(at); err != nil {
				return fetched, removed, "", err
			}
		}
		removed++
	}
	if ours, err = own.Index(); err != nil {
		return fetched, removed, "", err
	}
	index = results.DigestOf(IndexText(ours))
	if index != results.DigestOf(text) {
		return fetched, removed, index, errors.New("the mirrors are not equal: one of them changed meanwhile; run it again")
	}
	return fetched, removed, index, nil
}

func (s *Server) fetch(ctx context.Context, root *os.Root, url string, e Entry) error {
	at, ok := place(e.Path)
	if !ok {
		return fs.ErrInvalid
	}
	resp, err := s.get(ctx, url, "/"+e.Path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the mirror answers %s", resp.Status)
	}
	if err := makeWay(root, at); err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(at), 0o755); err != nil {
		return err
	}
	tmp := path.Join(path.Dir(at), unfinished)
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	d, n, err := results.DigestReader(io.TeeReader(io.LimitReader(resp.Body, e.Size+1), f))
	if err == nil && (n != e.Size || d != e.SHA256) {
		err = fmt.Errorf("its bytes are not those of the index")
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(tmp, at)
	}
	if err != nil {
		return errors.Join(err, root.Remove(tmp))
	}
	return nil
}

// sweep removes what one that was killed left in the making.
func sweep(root *os.Root) error {
	for _, dir := range trees {
		if _, err := root.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() != unfinished {
				return err
			}
			return root.Remove(name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// makeWay makes way for a file: where the mirror has a folder and here is a file, or the other way round, that one goes first.
func makeWay(root *os.Root, at string) error {
	if st, err := root.Lstat(at); err == nil && st.IsDir() {
		return root.RemoveAll(at)
	}
	for dir := path.Dir(at); strings.Contains(dir, "/"); dir = path.Dir(dir) {
		if st, err := root.Lstat(dir); err == nil && st.Mode().IsRegular() {
			return root.Remove(dir)
		}
	}
	return nil
}
