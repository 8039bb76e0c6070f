package abi

import (
	"iter"
	"sync"

	"github.com/plugproof/plugproof/verify/goelf"
)

// fileCache keeps what was read of plugins and hosts, by their identity, while many processes with the same files are simulated.
type fileCache struct {
	mu     sync.Mutex
	files  map[string]*goelf.File
	relocs map[*goelf.File][]goelf.Reloc // those that depend on the process, of files that were relocated without an error
}

func newFileCache() *fileCache {
	return &fileCache{files: map[string]*goelf.File{}, relocs: map[*goelf.File][]goelf.Reloc{}}
}

// relocsOf yields what relocate has to look at of a file.
func (c *fileCache) relocsOf(f *goelf.File) (all iter.Seq2[goelf.Reloc, error], known bool) {
	if c == nil {
		return f.Relocs(), false
	}
	c.mu.Lock()
	list, known := c.relocs[f]
	c.mu.Unlock()
	if !known {
		return f.Relocs(), false
	}
	return func(yield func(goelf.Reloc, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}, true
}

// putRelocs keeps what relocate has to look at, of a file that is kept itself.
func (c *fileCache) putRelocs(id string, f *goelf.File, list []goelf.Reloc) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[id] == f {
		c.relocs[f] = list
	}
}

func (c *fileCache) get(id string) *goelf.File {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[id]
}

func (c *fileCache) put(id string, f *goelf.File) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[id] = f
}
