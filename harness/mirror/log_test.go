package mirror_test

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/harness/mirror"
)

func TestLogIsAChain(t *testing.T) {
	var log bytes.Buffer
	s := server(t, site(t, nil))
	s.Log = &log
	h := httptest.NewServer(s)
	defer h.Close()
	for range 4 {
		get(t, h.URL+"/mod/example.test/a/@v/list")
	}
	lines := strings.SplitAfter(strings.TrimSuffix(log.String(), "\n"), "\n")
	lines[3] += "\n"
	for name, bad := range map[string]string{
		"one is changed":   lines[0] + strings.Replace(lines[1], "200", "404", 1) + lines[2] + lines[3],
		"one is gone":      lines[0] + lines[2] + lines[3],
		"two are swapped":  lines[0] + lines[2] + lines[1] + lines[3],
		"it is cut":        lines[0] + lines[1][:20],
		"the first is new": lines[3],
	} {
		if _, _, err := mirror.CheckLog(strings.NewReader(bad)); err == nil {
			t.Errorf("%s, and the log holds", name)
		}
	}
	if n, _, err := mirror.CheckLog(&log); n != 4 || err != nil {
		t.Error(n, err)
	}
}

// TestLogOnFullDisk: what cannot be logged is not answered, and the log that is there holds.
func TestLogOnFullDisk(t *testing.T) {
	log, told := &short{room: 1000}, 0
	s := server(t, site(t, nil))
	s.Log, s.Broken = log, func(error) { told++ }
	h := httptest.NewServer(s)
	defer h.Close()
	for range 20 {
		get(t, h.URL+"/health")
	}
	if got := get(t, h.URL+"/xbps/site/x86_64-musl-repodata"); !strings.HasPrefix(got, "503") || told != 1 {
		t.Errorf("%q, told %d times", got, told)
	}
}

// short is a disk with little room.
type short struct{ room int }

func (s *short) Write(p []byte) (int, error) {
	if len(p) > s.room {
		return s.room, syscall.ENOSPC
	}
	s.room -= len(p)
	return len(p), nil
}

func FuzzCheckLog(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-01T00:00:00Z","method":"GET","path":"/","status":200,"bytes":0,"before":""}` + "\n"))
	f.Fuzz(func(t *testing.T, log []byte) { _, _, _ = mirror.CheckLog(bytes.NewReader(log)) })
}
