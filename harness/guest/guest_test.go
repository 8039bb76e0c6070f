package guest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var nonce = Nonce{1, 2, 3, 15: 16}

func stream(t testing.TB, payloads ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	e := NewEncoder(&b, nonce)
	for i, p := range payloads {
		if err := e.Send(Kind(1+i%int(kinds-1)), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestFramesComeThrough(t *testing.T) {
	var b bytes.Buffer
	e, d := NewEncoder(&b, nonce), NewDecoder(&b, nonce)
	for i, p := range []string{"", "one", string(bytes.Repeat([]byte{9}, MaxPayload))} {
		if err := e.Send(Stdout, []byte(p)); err != nil {
			t.Fatal(err)
		}
		f, err := d.Next()
		if err != nil || f.Kind != Stdout || string(f.Payload) != p {
			t.Fatalf("frame %d: kind %d, %d bytes, %v", i, f.Kind, len(f.Payload), err)
		}
	}
	if e.Seal().Frames != 3 || e.Seal() != d.Seal() {
		t.Errorf("sent %+v, read %+v", e.Seal(), d.Seal())
	}
	if _, err := d.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if err := e.Send(Stdout, make([]byte, MaxPayload+1)); err == nil {
		t.Error("a frame that is too long was sent")
	}
}

func TestBadFramesAreRefused(t *testing.T) {
	good := stream(t, "hello", "world")
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 1
		return b
	}
	first := headerSize + 5 + 4
	for name, raw := range map[string][]byte{
		"magic": flip(0), "kind": flip(4), "flags": flip(5), "number": flip(8), "length": flip(15), "nonce": flip(16), "payload": flip(headerSize),
		"checksum": flip(first - 1), "cut header": good[:10], "cut payload": good[:headerSize+2], "cut second": good[:first+3], "swapped": append(bytes.Clone(good[first:]), good[:first]...),
		"repeated": append(bytes.Clone(good[:first]), good[:first]...), "text": []byte("PASS: all is well, and this text is longer than a header"),
	} {
		d := NewDecoder(bytes.NewReader(raw), nonce)
		var err error
		for err == nil {
			_, err = d.Next()
		}
		if !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v, want %v", name, err, ErrFrame)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(stream(f, "hello", "world", ""))
	f.Add([]byte("ppf1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := NewDecoder(bytes.NewReader(raw), nonce)
		for {
			frame, err := d.Next()
			if err != nil {
				return
			}
			if len(frame.Payload) > MaxPayload {
				t.Fatalf("a payload of %d bytes", len(frame.Payload))
			}
		}
	})
}

func TestReadReport(t *testing.T) {
	text := hex.EncodeToString([]byte("plugin.Open: no"))
	two := []string{"/p/a.so", "/p/b.so"}
	for _, tt := range []struct {
		name     string
		raw      string
		fate     Fate
		a, b     Plugin
		complete bool
		trouble  bool
	}{
		{"all well", "open 0\nok 0\nsym 0 V ok 2a696e74\nopen 1\nerr 1 " + text + "\nend\n", FateExit,
			Plugin{Outcome: "ok", Symbols: []Symbol{{Name: "V", Type: "*int"}}}, Plugin{Outcome: "error", Error: "plugin.Open: no"}, true, false},
		{"throw in the first", "open 0\n", FateThrow, Plugin{Outcome: "throw"}, Plugin{Outcome: "not-reached"}, false, false},
		{"signal in the second", "open 0\nok 0\nopen 1\n", FateSignal, Plugin{Outcome: "ok"}, Plugin{Outcome: "signal"}, false, false},
		{"hang", "open 0\nok 0\nopen 1\n", FateHang, Plugin{Outcome: "ok"}, Plugin{Outcome: "hang"}, false, false},
		{"exit while opening", "open 0\n", FateExit, Plugin{Outcome: "unobserved", Error: "the process ended by itself while it opened the plugin"}, Plugin{Outcome: "not-reached"}, false, false},
		{"machine lost", "open 0\nok 0\nopen 1\n", FateLost, Plugin{Outcome: "ok"}, Plugin{Outcome: "unobserved"}, false, false},
		{"says nothing", "", FateExit, Plugin{Outcome: "unobserved"}, Plugin{Outcome: "unobserved"}, false, false},
		{"dies before", "", FateThrow, Plugin{Outcome: "not-reached"}, Plugin{Outcome: "not-reached"}, false, false},
		{"dies after", "open 0\nok 0\nopen 1\nok 1\n", FateSignal, Plugin{Outcome: "ok"}, Plugin{Outcome: "ok"}, false, false},
		{"cut line", "open 0\nok 0\nopen", FateExit, Plugin{Outcome: "ok"}, Plugin{Outcome: "unobserved"}, false, true},
		{"ok without open", "ok 0\n", FateExit, Plugin{Outcome: "unobserved"}, Plugin{Outcome: "unobserved"}, false, true},
		{"out of order", "open 1\nok 1\n", FateExit, Plugin{Outcome: "unobserved"}, Plugin{Outcome: "unobserved"}, false, true},
		{"no such plugin", "open 0\nok 0\nopen 7\n", FateExit, Plugin{Outcome: "ok"}, Plugin{Outcome: "unobserved"}, false, true},
		{"no hexadecimal", "open 0\nerr 0 text\n", FateExit, Plugin{Outcome: "unobserved"}, Plugin{Outcome: "unobserved"}, false, true},
		{"twice", "open 0\nok 0\nopen 0\n", FateExit, Plugin{Outcome: "ok"}, Plugin{Outcome: "unobserved"}, false, true},
		{"after the end", "open 0\nok 0\nopen 1\nok 1\nend\nopen 0\n", FateExit, Plugin{Outcome: "ok"}, Plugin{Outcome: "ok"}, true, true},
	} {
		got := ReadReport([]byte(tt.raw), two, tt.fate)
		tt.a.Path, tt.b.Path = two[0], two[1]
		if diff := cmp.Diff([]Plugin{tt.a, tt.b}, got.Plugins); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got.Complete != tt.complete || (got.Trouble != "") != tt.trouble {
			t.Errorf("%s: complete %v, trouble %q", tt.name, got.Complete, got.Trouble)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte("open 0\nok 0\nsym 0 V ok 2a\nopen 1\nerr 1 00\nend\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := ReadReport(raw, []string{"a", "b"}, FateThrow)
		for _, p := range got.Plugins {
			if p.Outcome == "" {
				t.Fatal("a plugin without an outcome")
			}
		}
	})
}

func TestMainSourceIsTheCommands(t *testing.T) {
	want, err := os.ReadFile("../cmd/plugproof-guest/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), mainSource); diff != "" {
		t.Errorf("the embedded main differs from harness/cmd/plugproof-guest (-want +got):\n%s", diff)
	}
}
