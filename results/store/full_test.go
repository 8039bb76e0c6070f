package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// TestFullDisk lets writes fail in the middle of a line, by a limit on the size of files in a process of its own.
func TestFullDisk(t *testing.T) {
	dir := os.Getenv("STORE_TEST_FULL")
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "run")
		if err := store.Write(dir, plan, []results.Record{record(results.Rebuild)}); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
		cmd.Env = append(os.Environ(), "STORE_TEST_FULL="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c, err := store.Read(dir)
		if err != nil || c.Torn != 0 || len(c.Records) != 1 {
			t.Errorf("after the disk was full: %d records, %d bytes torn, %v", len(c.Records), c.Torn, err)
		}
		return
	}
	run, _, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	limit := uint64(info.Size()) + 100 // less than a line
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	if err := run.Append(record(results.Load)); err == nil {
		t.Fatal("appending to a full disk did not fail")
	}
}
