package store_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

var cell = results.Cell{Project: "example.test/gw", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "amd64", Level: "GOAMD64=v1", Libc: "musl", Image: "default"}

var plan = results.Plan{Schema: results.PlanSchema, Run: "20261123T034501Z-ab12", Tool: "(devel)", Seed: 7,
	Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Rebuild, results.Load}}}}

func record(step results.Step) results.Record {
	return results.Record{Run: plan.Run, Cell: cell, Step: step, Status: results.Pass, Verdict: "ok",
		Started: time.Date(2026, 11, 23, 3, 45, 1, 0, time.UTC), Inputs: results.Inputs{QEMU: "7.2"}}.Normal()
}

func TestNewID(t *testing.T) {
	id := store.NewID(time.Date(2026, 11, 23, 4, 45, 1, 0, time.FixedZone("", 3600)), [2]byte{0xab, 0x12})
	if id != "20261123T034501Z-ab12" || !store.IsID(id) {
		t.Errorf("got %q", id)
	}
	for _, bad := range []string{"", "..", id + "/..", "20261123T034501Z-AB12"} {
		if store.IsID(bad) {
			t.Errorf("%q passes for an id", bad)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run, err := store.Create(dir, plan)
	if err != nil {
		t.Fatal(err)
	}
	want := []results.Record{record(results.Rebuild), record(results.Load)}
	for _, r := range want {
		if err := run.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	log, name, err := run.CreateLog("../a b/load.log")
	if err != nil {
		t.Fatal(err)
	}
	log.Close()
	if name != "logs/..-a-b-load.log" {
		t.Errorf("log is called %q", name)
	}
	if _, err := store.Create(dir, plan); !errors.Is(err, store.ErrLocked) {
		t.Errorf("creating a run that is being written: %v", err)
	}
	if _, _, err := store.Open(dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opening a run that is being written: %v", err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := store.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.Contents{Plan: &plan, Records: want}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := store.Create(dir, plan); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating over a finished run: %v", err)
	}
	if err := store.Write(dir, plan, want); !errors.Is(err, store.ErrExists) {
		t.Errorf("writing over a finished run: %v", err)
	}
	other := filepath.Join(t.TempDir(), "merged")
	if err := store.Write(other, plan, want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plan.json", "records.jsonl"} {
		a, _ := os.ReadFile(filepath.Join(dir, name))
		b, _ := os.ReadFile(filepath.Join(other, name))
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTornLineIsDroppedAndCutOff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := store.Write(dir, plan, []results.Record{record(results.Rebuild)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "records.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"schema":"plug`)
	f.Close()
	run, c, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Torn != 15 || len(c.Records) != 1 {
		t.Errorf("dropped %d bytes, kept %d records", c.Torn, len(c.Records))
	}
	if err := run.Append(record(results.Load)); err != nil {
		t.Fatal(err)
	}
	run.Close()
	c, err = store.Read(dir)
	if err != nil || c.Torn != 0 || len(c.Records) != 2 {
		t.Errorf("after appending: %d records, %d torn, %v", len(c.Records), c.Torn, err)
	}
}

func TestReadRecordsErrors(t *testing.T) {
	b, err := record(results.Load).Line()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b) + "\n"
	tests := []struct{ name, data, want string }{
		{"corrupted middle", good + "{\"sch\n" + good, "line 2: not JSON"},
		{"empty line", good + "\n" + good, "line 2: not JSON"},
		{"other schema", strings.Replace(good, "record/v1", "record/v9", 1), `line 1: schema "plugproof/record/v9" is not known`},
		{"no schema", "{}\n", `line 1: schema "" is not known`},
		{"unknown member", strings.Replace(good, `"run"`, `"ran"`, 1), `unknown field "ran"`},
		{"no step", strings.Replace(good, `"step":"load"`, `"step":null`, 1), `line 1: "step" is missing`},
		{"thirty years", strings.Replace(good, `"seconds":0`, `"seconds":1e308`, 1), "line 1: 1e+308 seconds are more than a step can take"},
		{"too long", good + strings.Repeat("x", store.MaxLine+2), "line 2: longer than 4194304 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := store.ReadRecords(strings.NewReader(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestOneWriter asks another process for the lock.
func TestOneWriter(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" {
		_, _, err := store.Open(dir)
		if !errors.Is(err, store.ErrLocked) {
			t.Fatalf("second process got %v", err)
		}
		return
	}
	dir := filepath.Join(t.TempDir(), "run")
	run, err := store.Create(dir, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOneWriter$")
	cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestBeside: a run that was killed before it had its plan can be made again, and one with a plan has what lies beside it.
func TestBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := store.Create(dir, plan, store.File{Name: "request.json", Data: []byte("1")}, store.File{Name: "absent/x"}); err == nil {
		t.Fatal("a file in a directory that is not there was written")
	}
	if _, _, err := store.Open(dir); !errors.Is(err, store.ErrNoPlan) {
		t.Errorf("a run without a plan was opened: %v", err)
	}
	run, err := store.Create(dir, plan, store.File{Name: "request.json", Data: []byte("2")})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if b, err := os.ReadFile(filepath.Join(dir, "request.json")); err != nil || string(b) != "2" {
		t.Errorf("request.json: %q, %v", b, err)
	}
}

func TestAppendFromManyGoroutines(t *testing.T) {
	run, err := store.Create(filepath.Join(t.TempDir(), "run"), plan)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := run.Append(record(results.Load)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := store.Read(run.Dir)
	if err != nil || len(c.Records) != 20 {
		t.Errorf("%d records, %v", len(c.Records), err)
	}
}

func TestRunWithoutPlan(t *testing.T) {
	c, err := store.Read(t.TempDir())
	if err != nil || c.Plan != nil {
		t.Errorf("got %v, %v", c.Plan, err)
	}
	if _, err := store.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func FuzzReadRecords(f *testing.F) {
	line, err := record(results.Load).Line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(line, '\n'))
	f.Add(line)
	f.Add([]byte("{}\n{"))
	f.Add([]byte(`{"schema":"plugproof/record/v1","cell_id":"x","step":"load","status":"pass","cell":{"env":{"A":null}}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		recs, torn, err := store.ReadRecords(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if torn < 0 || torn > int64(len(data)) {
			t.Fatalf("%d bytes torn of %d", torn, len(data))
		}
		var again []byte
		for _, r := range recs {
			b, err := r.Line()
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			again = append(append(again, b...), '\n')
		}
		second, _, err := store.ReadRecords(strings.NewReader(string(again)))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(second) != len(recs) {
			t.Fatalf("%d records became %d", len(recs), len(second))
		}
	})
}

func FuzzReadPlan(f *testing.F) {
	b, err := results.Canonical(plan)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":"plugproof/plan/v1","cells":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := store.ReadPlan(strings.NewReader(string(data)))
		if (p == nil) == (err == nil) {
			t.Fatalf("got %v and %v", p, err)
		}
	})
}

// A run that is resumed belongs to one process from the reading of its records to the end.
func TestRewrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := store.Write(dir, plan, []results.Record{record(results.Rebuild), record(results.Load)}); err != nil {
		t.Fatal(err)
	}
	run, c, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Open(dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second one opens it: %v", err)
	}
	if err := run.Rewrite(c.Records[1:]); err != nil {
		t.Fatal(err)
	}
	if err := run.Append(record(results.ABI)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Open(dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second one opens it after that: %v", err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := store.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]results.Record{record(results.Load), record(results.ABI)}, got.Records); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(filepath.Join(dir, "plan.json")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Open(dir); !errors.Is(err, store.ErrNoPlan) {
		t.Errorf("without a plan: %v", err)
	}
}
