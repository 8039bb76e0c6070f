package store

import (
	"bytes"
	"fmt"

	"github.com/plugproof/plugproof/results"
)

// Rewrite takes up the run in dir for more records, as Open does, after replacing its records by kept: a resumed run drops
// what no longer holds. The replacement is atomic; the plan stays.
func Rewrite(dir string, kept []results.Record) (*Run, error) {
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("rewriting run %q: %w", dir, err)
	}
	c, err := Read(dir)
	if err == nil && c.Plan == nil {
		err = fmt.Errorf("rewriting run %q: it has no %s", dir, planFile)
	}
	var lines bytes.Buffer
	for _, rec := range kept {
		if err != nil {
			break
		}
		var line []byte
		if line, err = rec.Line(); err == nil {
			lines.Write(line)
			lines.WriteByte('\n')
		}
	}
	if err == nil {
		err = writeFile(dir, recordsFile, lines.Bytes())
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return attach(dir, *c.Plan, lock, 0)
}
