package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/plugproof/plugproof/results"
)

// Read returns the contents of the run in dir. A missing plan is not an error here, for it is the gate's to judge; a
// missing records file is a run that has none yet.
func Read(dir string) (Contents, error) {
	var c Contents
	info, err := os.Stat(dir)
	if err != nil {
		return c, fmt.Errorf("reading run: %w", err)
	}
	if !info.IsDir() {
		return c, fmt.Errorf("reading run: %q is not a directory", dir)
	}
	err = open(dir, planFile, func(r io.Reader) error {
		c.Plan, err = ReadPlan(r)
		return err
	})
	if err != nil {
		return Contents{}, err
	}
	err = open(dir, recordsFile, func(r io.Reader) error {
		c.Records, c.Torn, err = ReadRecords(r)
		return err
	})
	if err != nil {
		return Contents{}, err
	}
	return c, nil
}

// open calls read with the file, or does nothing if it is not there.
func open(dir, name string, read func(io.Reader) error) error {
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe would block for ever
		return fmt.Errorf("reading %q: not a regular file", path)
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading run: %w", err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	return nil
}

// ReadPlan decodes a plan.json of at most MaxFile bytes.
func ReadPlan(r io.Reader) (*results.Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("more than %d bytes", MaxFile)
	}
	if err := schemaIs(data, results.PlanSchema); err != nil {
		return nil, err
	}
	var p results.Plan
	if err := strict(data, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// ReadRecords decodes lines of records until the end of r. torn is the number of bytes after the last newline, which
// are dropped. Errors name the line, from 1.
func ReadRecords(r io.Reader) (recs []results.Record, torn int64, err error) {
	limited := &io.LimitedReader{R: r, N: MaxFile + 1}
	br := bufio.NewReaderSize(limited, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(br)
		if limited.N == 0 {
			return nil, 0, fmt.Errorf("line %d: the file has more than %d bytes", n, MaxFile)
		}
		if err == io.EOF {
			return recs, int64(len(line)), nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		rec, err := parseRecord(line)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		recs = append(recs, rec)
	}
}

// readLine returns the next line without its newline, or what is left and io.EOF.
func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > MaxLine+1 {
			return nil, fmt.Errorf("longer than %d bytes", MaxLine)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == nil {
			line = line[:len(line)-1]
		}
		return line, err
	}
}

func parseRecord(line []byte) (results.Record, error) {
	var r results.Record
	if err := schemaIs(line, results.RecordSchema); err != nil {
		return r, err
	}
	if err := strict(line, &r); err != nil {
		return r, err
	}
	switch {
	case r.CellID == "":
		return r, errors.New(`"cell_id" is missing`)
	case r.Step == "":
		return r, errors.New(`"step" is missing`)
	case r.Status == "":
		return r, errors.New(`"status" is missing`)
	}
	for _, seconds := range append(slices.Collect(maps.Values(r.CPUParts)), r.Seconds, r.CPU) {
		if math.Abs(seconds) > maxSeconds { // sums of such numbers are none
			return r, fmt.Errorf("%g seconds are more than a step can take", seconds)
		}
	}
	return r, nil
}

// maxSeconds bounds the time of a step: thirty years.
const maxSeconds = 1e9

// schemaIs looks at the schema first, so that another version is named as such and not as a broken document.
func schemaIs(data []byte, want string) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if head.Schema != want {
		return fmt.Errorf("schema %q is not known, want %q", head.Schema, want)
	}
	return nil
}

// strict decodes one document that has no member this version does not know: what is not understood is not judged.
func strict(data []byte, v any) error {
	if err := oneMeaning(data); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	return nil
}
