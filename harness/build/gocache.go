package build

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plugproof/plugproof/results"
)

// CacheInfo describes one side's build cache.
type CacheInfo struct {
	Path string
	Side string // "a" or "b"
	Size int64  // bytes
	Used time.Time
}

// cacheRoot holds the build caches of one side: all that the other side must not see.
func (b *Builder) cacheRoot(side string) string { return filepath.Join(b.Cache, "gocache", side) }

// usedMark is touched in a cache by each use.
const usedMark = "plugproof-used"

// gocache opens a side's build cache for a job. It may be shared with other jobs of the same side, but is not removed while it is open.
// The name has the digests of everything that compiles and links: what they do not know must not be trusted, so without them there is no name.
//
// The name tells the surroundings, too, other than a side's usual ones, and the project's variables that cmd/go does not know: what was
// compiled in others would be taken for the same.
func (b *Builder) gocache(ctx context.Context, j Job, set setting) (dir string, warm bool, release func(), err error) {
	if j.Go.Digest == "" || j.C.Digest == "" {
		return "", false, nil, fmt.Errorf("naming a build cache: the digest of the Go or of the C toolchain is unknown")
	}
	dir = filepath.Join(b.cacheRoot(set.name), fmt.Sprintf("%s-%.24s-%.24s", j.Arch, j.Go.Digest.Hex(), j.C.Digest.Hex()))
	if env := j.unhashed(); env != "" {
		dir += "-" + results.DigestOf([]byte(env)).Short()
	}
	if !set.on.Equal(usual(set.name).on) {
		dir += "-" + results.DigestOf([]byte(set.on.String())).Short()
	}
	if b.Cold {
		if err := b.dropOnce(ctx, dir); err != nil {
			return "", false, nil, err
		}
	}
	unlock, err := lock(ctx, dir+".lock", false)
	if err != nil {
		return "", false, nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		unlock()
		return "", false, nil, fmt.Errorf("making a build cache: %w", err)
	}
	mark := filepath.Join(dir, usedMark)
	_, err = os.Stat(mark)
	warm = err == nil
	return dir, warm, func() {
		os.WriteFile(mark, nil, 0o644)
		now := b.Now()
		os.Chtimes(mark, now, now)
		unlock()
	}, nil
}

// unhashed are the project's variables that do not enter cmd/go's hashes, as far as its own have a common prefix: the C compiler may read
// any of them (SOURCE_DATE_EPOCH, CPATH, ...).
func (j Job) unhashed() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(j.Env)) {
		if !strings.HasPrefix(k, "GO") && !strings.HasPrefix(k, "CGO_") {
			fmt.Fprintf(&b, "%q=%q\n", k, j.Env[k])
		}
	}
	return b.String()
}

// dropOnce throws a cache away the first time that it is asked for in this run.
func (b *Builder) dropOnce(ctx context.Context, dir string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropped[dir] {
		return nil
	}
	if err := drop(ctx, dir); err != nil {
		return err
	}
	if b.dropped == nil {
		b.dropped = map[string]bool{}
	}
	b.dropped[dir] = true
	return nil
}

func drop(ctx context.Context, dir string) error {
	release, err := lock(ctx, dir+".lock", true)
	if err != nil {
		return err
	}
	defer release()
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("dropping a build cache: %w", err)
	}
	return nil
}

// Caches lists the build caches of both sides, the one used last first.
func (b *Builder) Caches() ([]CacheInfo, error) {
	var all []CacheInfo
	for _, side := range sideNames {
		dirs, err := os.ReadDir(b.cacheRoot(side))
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("listing build caches: %w", err)
		}
		for _, d := range dirs {
			if !d.IsDir() {
				continue
			}
			c := CacheInfo{Path: filepath.Join(b.cacheRoot(side), d.Name()), Side: side}
			filepath.WalkDir(c.Path, func(_ string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					if info, err := d.Info(); err == nil {
						c.Size += info.Size()
					}
				}
				return nil
			})
			if st, err := os.Stat(filepath.Join(c.Path, usedMark)); err == nil {
				c.Used = st.ModTime()
			}
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(x, y CacheInfo) int { return y.Used.Compare(x.Used) })
	return all, nil
}

// Prune drops the caches that were not used for longest until those of both sides together have at most max bytes.
// It waits for builds that use them.
func (b *Builder) Prune(ctx context.Context, max int64) error {
	all, err := b.Caches()
	if err != nil {
		return err
	}
	var sum int64
	for _, c := range all {
		if sum += c.Size; sum > max {
			if err := drop(ctx, c.Path); err != nil {
				return err
			}
			sum -= c.Size
		}
	}
	return nil
}
