package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plugproof/plugproof/results"
)

// Write makes a whole run in dir, which must not hold one yet: all records, then the plan, so that a run that was cut
// short has no plan and is never taken for a complete one.
func Write(dir string, plan results.Plan, records []results.Record) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("writing run: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return fmt.Errorf("writing run %q: %w", dir, err)
	}
	defer lock.Close()
	if _, err := os.Lstat(filepath.Join(dir, planFile)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing run %q: %w", dir, ErrExists)
	}
	var lines bytes.Buffer
	for _, rec := range records {
		line, err := rec.Line()
		if err != nil {
			return fmt.Errorf("writing run %q: %w", dir, err)
		}
		if _, err := parseRecord(line); err != nil {
			return fmt.Errorf("writing run %q: record of %q: %w", dir, rec.Cell, err)
		}
		if len(line) > MaxLine || lines.Len()+len(line) >= MaxFile {
			return fmt.Errorf("writing run %q: the records are larger than a run may be", dir)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	if err := writeFile(dir, recordsFile, lines.Bytes()); err != nil {
		return fmt.Errorf("writing run %q: %w", dir, err)
	}
	if plan.Schema == "" {
		plan.Schema = results.PlanSchema
	}
	if err := writePlan(dir, plan); err != nil {
		return fmt.Errorf("writing run %q: %w", dir, err)
	}
	return nil
}

func writePlan(dir string, plan results.Plan) error {
	if plan.Cells == nil {
		plan.Cells = []results.PlannedCell{}
	}
	data, err := results.Canonical(plan)
	if err != nil {
		return err
	}
	return writeFile(dir, planFile, append(data, '\n'))
}

// writeFile replaces dir/name as a whole: temporary file, sync, rename, sync of the directory.
func writeFile(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already after the rename
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
