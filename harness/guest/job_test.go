package guest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesComeThrough(t *testing.T) {
	order := Order{Nonce: "0123456789abcdef", Mode: "job", UnixNS: -1, Seed: "s\x00", Term: "vt100", Remount: true, Commands: []Command{
		{Path: "/p", Args: []string{"p", "", "\n"}, Env: []string{"A=b"}, Dir: "/d", Root: true, Report: true, OutputLimit: 1 << 60, IdleLimit: 3, Writable: true, Keep: []string{"/k", "/l"}}, {},
	}}
	end := End{Index: 1, Exit: -1, Signal: 9, Hang: "idle", OOM: true, Error: "e", Dropped: [3]int64{1, 2, 3}, Tail: [3]int64{4, 5, 6}, Leftovers: 7, UserMicros: 8, SysMicros: 9, MaxRSSKiB: 10}
	check := func(name string, want, got any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	o, err := DecodeOrder(order.Encode())
	check("order", order, o, err)
	c, err := DecodeCommand(order.Commands[0].Encode())
	check("command", order.Commands[0], c, err)
	e, err := DecodeEnd(end.Encode())
	check("end", end, e, err)
	s, err := DecodeStart(Start{Index: 300}.Encode())
	check("start", Start{Index: 300}, s, err)
	p, err := DecodePulse(Pulse{IdleSeconds: 2}.Encode())
	check("pulse", Pulse{IdleSeconds: 2}, p, err)
	piece := Piece{Folder: 1, Name: "a/b", First: true, Data: []byte("\x00\xff")}
	k, err := DecodePiece(piece.Encode())
	check("piece", piece, k, err)
	seal, err := DecodeSeal(Seal{Frames: 1<<32 - 1, Sum: 1<<32 - 1}.Encode())
	check("seal", Seal{Frames: 1<<32 - 1, Sum: 1<<32 - 1}, seal, err)

	whole := end.Encode()
	for n := range whole {
		if _, err := DecodeEnd(whole[:n]); !errors.Is(err, ErrMessage) {
			t.Errorf("the first %d bytes of an end: %v", n, err)
		}
	}
	if _, err := DecodeEnd(append(whole, 0)); !errors.Is(err, ErrMessage) {
		t.Errorf("an end and one more byte: %v", err)
	}
}

func FuzzDecodeOrder(f *testing.F) {
	f.Add(Order{Mode: "job", Commands: []Command{{Path: "/p", Args: []string{"p"}}}}.Encode())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := DecodeOrder(raw)
		if err != nil {
			return
		}
		again, err := DecodeOrder(o.Encode())
		if diff := cmp.Diff(o, again); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func FuzzDecodePiece(f *testing.F) {
	f.Add(Piece{Folder: 1, Name: "a/b", First: true, Data: []byte("d")}.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := DecodePiece(raw)
		if err != nil {
			return
		}
		again, err := DecodePiece(p.Encode())
		if diff := cmp.Diff(p, again); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func FuzzDecodeEnd(f *testing.F) {
	f.Add(End{Index: 1, Exit: 2, Error: "e"}.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := DecodeEnd(raw)
		if err != nil {
			return
		}
		again, err := DecodeEnd(e.Encode())
		if diff := cmp.Diff(e, again); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}
