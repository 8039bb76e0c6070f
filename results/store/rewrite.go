package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plugproof/plugproof/results"
)

// Rewrite replaces the run's records by kept: a resumed run drops what no longer holds. The replacement is atomic; the plan stays.
func (r *Run) Rewrite(kept []results.Record) error {
	var lines bytes.Buffer
	for _, rec := range kept {
		line, err := rec.Line()
		if err != nil {
			return fmt.Errorf("rewriting run %q: %w", r.Dir, err)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := writeFile(r.Dir, recordsFile, lines.Bytes()); err != nil {
		return fmt.Errorf("rewriting run %q: %w", r.Dir, err)
	}
	f, err := os.OpenFile(filepath.Join(r.Dir, recordsFile), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("rewriting run %q: %w", r.Dir, err)
	}
	r.file.Close() // what it holds has no name any more
	r.file, r.size = f, int64(lines.Len())
	return nil
}
