package toolchain

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/results"
)

// statCacheSchema changes when the format or the meaning of an entry does.
const statCacheSchema = "plugproof/statcache/v1"

// maxStatCache is the largest cache file, in bytes, that is read.
const maxStatCache = 64 << 20

// settled is how long a file must have been left alone before its stat may stand for its content: a change within one tick of
// the file system's clock leaves mtime and ctime as they are.
const settled = 2 * time.Second

// stamp is what of a file's stat stands for its content. ctime cannot be set by programs, so a restored mtime is noticed.
type stamp struct {
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"` // ns since 1970
	CTime int64  `json:"ctime"` // ns since 1970
	Inode uint64 `json:"inode"`
	Dev   uint64 `json:"dev"`
}

type statEntry struct {
	stamp
	Digest results.Digest `json:"digest"`
}

// statCache remembers digests of the files of one toolchain.
type statCache struct {
	file     string
	paranoid bool
	mu       sync.Mutex
	old      map[string]statEntry // read from file
	now      map[string]statEntry // used in this round
	dirty    bool
}

// statFile is the form of the cache file. Sum is over Entries as written, so a torn or edited file is dropped, not trusted.
type statFile struct {
	Schema  string          `json:"schema"`
	Sum     results.Digest  `json:"sum"`
	Entries json.RawMessage `json:"entries"`
}

// openCache reads the cache of the toolchain of that kind at root. One that is missing or damaged is empty.
func (s *Store) openCache(kind, root string) *statCache {
	id := sha256.Sum256([]byte(root))
	c := &statCache{
		file:     filepath.Join(s.Cache, "digests", fmt.Sprintf("%s-%x.json", kind, id[:8])),
		paranoid: s.Paranoid, old: map[string]statEntry{}, now: map[string]statEntry{},
	}
	f, err := os.Open(c.file)
	if err != nil {
		return c
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStatCache))
	if err == nil {
		c.old = decodeStats(data)
	}
	return c
}

// decodeStats returns the entries of a cache file, none if it is damaged.
func decodeStats(data []byte) map[string]statEntry {
	entries := map[string]statEntry{}
	var f statFile
	if json.Unmarshal(data, &f) != nil || f.Schema != statCacheSchema || results.DigestOf(f.Entries) != f.Sum {
		return entries
	}
	if json.Unmarshal(f.Entries, &entries) != nil || entries == nil {
		return map[string]statEntry{}
	}
	return entries
}

// digest is the digest of the file at path, from the cache if its stat is the same.
func (c *statCache) digest(path string) (results.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	before := stampOf(st)
	c.mu.Lock()
	known, ok := c.old[path]
	c.mu.Unlock()
	if ok && known.stamp == before && !c.paranoid {
		if _, err := results.ParseDigest(string(known.Digest)); err == nil {
			c.put(path, known, false)
			return known.Digest, nil
		}
	}
	d, n, err := results.DigestReader(f)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", path, err)
	}
	if st, err = f.Stat(); err != nil {
		return "", err
	}
	after := stampOf(st)
	// Remembered only if it stayed the same while it was read.
	if n == before.Size && after == before {
		c.put(path, statEntry{before, d}, true)
	}
	return d, nil
}

func (c *statCache) put(path string, e statEntry, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[path] = e
	c.dirty = c.dirty || fresh
}

// save writes the entries that were used, whole or not at all. Files that changed a moment ago are left out.
func (c *statCache) save() error {
	if !c.dirty && len(c.now) == len(c.old) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(c.file), ".digests-*")
	if err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	st, err := tmp.Stat()
	if err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	// Now, by the clock of a file system and not by ours.
	limit := st.ModTime().Add(-settled).UnixNano()
	for path, e := range c.now {
		if e.CTime > limit || e.MTime > limit {
			delete(c.now, path)
		}
	}
	entries, err := json.Marshal(c.now)
	if err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	data, err := json.Marshal(statFile{Schema: statCacheSchema, Sum: results.DigestOf(entries), Entries: entries})
	if err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	if _, err := tmp.Write(data); err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	if err := os.Rename(tmp.Name(), c.file); err != nil {
		return fmt.Errorf("saving digests: %w", err)
	}
	return nil
}

func stampOf(st os.FileInfo) stamp {
	out := stamp{Size: st.Size(), MTime: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		out.CTime = sys.Ctim.Nano()
		out.Inode = sys.Ino
		out.Dev = uint64(sys.Dev)
	}
	return out
}
