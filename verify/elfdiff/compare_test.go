package elfdiff

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func input(name string, b []byte) Input {
	return Input{Path: name, R: bytes.NewReader(b), Size: int64(len(b))}
}

func TestCompareInputErrors(t *testing.T) {
	good := newELF().bytes()
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrNotELF},
		{"text", []byte("this is not a plugin at all, it is text"), ErrNotELF},
		{"magic only", []byte("\x7fELF"), ErrNotELF},
		{"header cut", good[:40], ErrBadELF},
		{"class 9", append([]byte("\x7fELF\x09"), good[5:]...), ErrBadELF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, pair := range [][2][]byte{{tt.b, good}, {good, tt.b}, {tt.b, tt.b}} {
				_, err := Compare(input("x.so", pair[0]), input("y.so", pair[1]))
				var in *InputError
				if !errors.As(err, &in) || !errors.Is(err, tt.want) {
					t.Errorf("error %v, want an InputError that is %v", err, tt.want)
				}
			}
		})
	}
	t.Run("shorter than said", func(t *testing.T) {
		in := input("x.so", good)
		in.Size++
		if _, err := Compare(in, input("y.so", good)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("error %v, want ErrUnreadable", err)
		}
	})
}

func TestVerdictsOfSyntheticPairs(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*testELF)
		want Verdict
	}{
		{"nothing", func(*testELF) {}, Identical},
		{"build ID", func(e *testELF) { e.sec(".note.go.buildid").data[17] ^= 1 }, BuildIDOnly},
		{"DWARF", func(e *testELF) { e.sec(".debug_line").data[3] ^= 1 }, DebugOnly},
		{"longer DWARF", func(e *testELF) { e.grow(".debug_line", 5) }, DebugOnly},
		{"comment", func(e *testELF) { e.sec(".comment").data[3] ^= 1 }, DebugOnly},
		{"no DWARF", func(e *testELF) { e.drop(".debug_line") }, DebugOnly},
		{"symbol's name", func(e *testELF) { e.rename("main.b", "main.c") }, SymbolTable},
		{"data", func(e *testELF) { e.sec(".rodata").data[20] ^= 1 }, Data},
		{"code", func(e *testELF) { e.sec(".text").data[20] ^= 1 }, Code},
		{"fingerprint", func(e *testELF) { e.sec(".rodata").data[2] ^= 1 }, ABI},
		{"machine", func(e *testELF) { e.machine = 40 }, Incomparable},
		{"build ID and data", func(e *testELF) { e.sec(".rodata").data[20] ^= 1; e.sec(".note.go.buildid").data[17] ^= 1 }, Data},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newELF()
			tt.edit(b)
			x, y := newELF().bytes(), b.bytes()
			fwd, err := Compare(input("a", x), input("b", y))
			if err != nil {
				t.Fatal(err)
			}
			back, err := Compare(input("b", y), input("a", x))
			if err != nil {
				t.Fatal(err)
			}
			if fwd.Verdict != tt.want || back.Verdict != tt.want {
				t.Errorf("verdicts %v and %v, want %v", fwd.Verdict, back.Verdict, tt.want)
			}
			if fwd.Identical != bytes.Equal(x, y) {
				t.Errorf("identical is %v", fwd.Identical)
			}
		})
	}
}

func TestReportJSON(t *testing.T) {
	b := newELF()
	b.sec(".note.go.buildid").data[17] ^= 1
	r, err := Compare(input("a.so", newELF().bytes()), input("b.so", b.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema    string
		Verdict   string
		Identical bool
		Bytes     struct{ Differing, Explained *int64 }
		Sections  []struct {
			Name      string
			Differing int
		}
		Symbols map[string]any
		Causes  []map[string]any
		A       map[string]any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != Schema || got.Verdict != "build-id-only" || got.Identical || got.Bytes.Differing == nil || *got.Bytes.Differing != 1 {
		t.Errorf("report is %s", out)
	}
	if len(got.Sections) != 1 || got.Sections[0].Name != ".note.go.buildid" || got.Sections[0].Differing != 1 {
		t.Errorf("sections are %v", got.Sections)
	}
	for _, k := range []string{"added", "removed", "changed", "resized"} {
		if _, ok := got.Symbols[k].([]any); !ok {
			t.Errorf("symbols.%s is %T, want a list", k, got.Symbols[k])
		}
	}
	if v, ok := got.A["libc"]; !ok || v != nil {
		t.Errorf("unknown libc is %v, want null", v)
	}
	var back Verdict
	for _, v := range Verdicts() {
		text, _ := v.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != v {
			t.Error(cmp.Diff(v, back), err)
		}
	}
}
