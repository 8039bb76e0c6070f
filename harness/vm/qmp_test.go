package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// answers plays QEMU: it greets and answers each command with the next text.
func answers(t *testing.T, greeting string, texts ...string) net.Conn {
	t.Helper()
	mine, file, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := net.FileConn(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mine.Close(); theirs.Close() })
	go func() {
		theirs.Write([]byte(greeting))
		lines := bufio.NewScanner(theirs)
		for _, text := range texts {
			if !lines.Scan() || !json.Valid(lines.Bytes()) {
				return
			}
			theirs.Write([]byte(text))
		}
	}()
	return mine
}

const hello = `{"QMP": {"version": {}, "capabilities": []}}` + "\r\n"

func TestMonitor(t *testing.T) {
	ctx := context.Background()
	conn := answers(t, hello, "{\"return\": {}}\n",
		"{\"event\": \"STOP\"}\n{\"return\": {\"status\": \"paused\"}}\n",
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\n",
		"no JSON\n")
	m, err := openMonitor(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	var status struct{ Status string }
	if err := m.do(ctx, "query-status", nil, &status); err != nil || status.Status != "paused" {
		t.Errorf("query-status: %q, %v", status.Status, err)
	}
	var refusal *QMPError
	if err := m.do(ctx, "cont", nil, nil); !errors.As(err, &refusal) || refusal.Desc != "no such thing" {
		t.Errorf("a refusal came as %v", err)
	}
	if err := m.do(ctx, "cont", nil, nil); err == nil {
		t.Error("text was taken for an answer")
	}
}

func TestMonitorGivesUp(t *testing.T) {
	long := strings.Repeat("x", maxLine+10000)
	for name, greeting := range map[string]string{"no greeting": "{}\n", "text": "hello\n", "endless": long} {
		if _, err := openMonitor(context.Background(), answers(t, greeting)); err == nil {
			t.Errorf("%s: it was taken for QEMU", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := openMonitor(ctx, answers(t, "")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent QEMU: %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	w := newTail(10)
	for range 100 {
		w.Write([]byte("abcdefg"))
	}
	w.Write([]byte("0123456789"))
	if got := w.String(); got != "0123456789" || w.panicked() {
		t.Errorf("tail %q, panic %v", got, w.panicked())
	}
	w = newTail(1000)
	w.Write([]byte("\n[ 1.0] Kernel panic - not"))
	w.Write([]byte(" syncing: sysrq"))
	if !w.panicked() {
		t.Error("a panic in two pieces was not seen")
	}
}

func TestPruneKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old", "kept", "new"} {
		if err := os.MkdirAll(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name+"/ram", make([]byte, 100<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeSealed(dir+"/"+name+"/"+metaName, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(dir+"/"+name+"/"+metaName, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir, "kept", 250<<10); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "kept new" {
		t.Errorf("left: %q", got)
	}
}

func TestSealedFileIsWholeOrGone(t *testing.T) {
	file := t.TempDir() + "/sub/file"
	if err := writeSealed(file, []byte("contents")); err != nil {
		t.Fatal(err)
	}
	if got, err := readSealed(file); err != nil || string(got) != "contents" {
		t.Errorf("%q, %v", got, err)
	}
	os.Truncate(file, 35)
	if _, err := readSealed(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged file is kept: %v", err)
	}
}

func FuzzMonitorLine(f *testing.F) {
	f.Add([]byte(hello + "{\"return\": {}}\n"))
	f.Add([]byte("{\"error\": null, \"return\": 1}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return
		}
		conn := answers(t, string(raw))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		openMonitor(ctx, conn)
	})
}
