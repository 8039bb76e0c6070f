package abi

import (
	"sync"

	"github.com/plugproof/plugproof/verify/goelf"
)

// fileCache keeps what was read of plugins and hosts, by their identity, while many processes with the same files are simulated.
type fileCache struct {
	mu    sync.Mutex
	files map[string]*goelf.File
}

func newFileCache() *fileCache { return &fileCache{files: map[string]*goelf.File{}} }

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
