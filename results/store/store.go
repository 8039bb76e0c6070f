// Package store keeps runs on disk: a directory with plan.json, records.jsonl and logs/.
//
// plan.json is written to a temporary file, synced and renamed. records.jsonl grows by whole lines, each synced before
// Append returns, under a lock that one process holds at a time. What follows the last newline is a torn line: it is
// dropped when read, with its size reported, and cut off before the next append. Any other damage is an error that
// names the line. Sizes are bounded before memory is taken.
package store

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/plugproof/plugproof/results"
)

// Bounds of what is read and written, in bytes. A record holds short texts and digests; its bulk goes to a log.
const (
	MaxLine = 4 << 20
	MaxFile = 256 << 20
)

// The names inside a run's directory.
const (
	planFile    = "plan.json"
	recordsFile = "records.jsonl"
	lockFile    = "lock"
	logsDir     = "logs"
)

var idForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$`)

// NewID names a run by its start, in UTC, and two random bytes: 20261123T034501Z-ab12. Names sort by time.
func NewID(start time.Time, random [2]byte) string {
	return start.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:])
}

// IsID reports whether s has the form that NewID gives.
func IsID(s string) bool { return idForm.MatchString(s) }

// Dir is where the runs of a working directory lie.
func Dir(workdir string) string { return filepath.Join(workdir, "results", "runs") }

// List returns the ids of the runs under dir, oldest first; a directory that is not there has none.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && IsID(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Contents is what a run's directory holds.
type Contents struct {
	Plan    *results.Plan    // nil if there is none
	Records []results.Record // in the order of the file
	Torn    int64            // bytes after the last newline, dropped; 0 if the file ends well
}
