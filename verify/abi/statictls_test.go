package abi

import (
	"strings"
	"testing"

	"github.com/plugproof/plugproof/verify/goelf"
)

// TestStaticTLS: glibc 2.36 gave a place to a block of 1000 bytes and to none of 4000, and to no second one of 1000. Between what surely fits and what
// surely does not nobody knows.
func TestStaticTLS(t *testing.T) {
	for _, tt := range []struct {
		name   string
		blocks [][2]uint64 // size, alignment
		want   string      // of the last: ok, refused, or a piece of why it cannot be told
	}{
		{"small", [][2]uint64{{64, 8}}, "ok"},
		{"large", [][2]uint64{{4000, 8}}, "refused"},
		{"two", [][2]uint64{{1000, 8}, {1000, 8}}, "refused"},
		{"one after a refused one", [][2]uint64{{4000, 8}, {1000, 8}}, "ok"},
		{"full", [][2]uint64{{staticTLSRoom - 7, 8}}, "ok"},
		{"nearly", [][2]uint64{{staticTLSRoom, 8}}, "depends on the libraries"},
		{"aligned", [][2]uint64{{8, 128}}, "aligned to 128 bytes"},
	} {
		var room staticTLS
		got := ""
		for _, b := range tt.blocks {
			refused, unsure := room.take(&goelf.Segment{MemSz: b[0], Aln: b[1]})
			switch {
			case refused:
				got = "refused"
			case unsure != "":
				got = unsure
			default:
				got = "ok"
			}
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	var room staticTLS
	for range 3 { // what may go there is bounded
		room.mayTake(&goelf.Segment{MemSz: 400, Aln: 8})
	}
	if room.most != staticTLSSpare || room.least != 0 {
		t.Errorf("after dynamic ones: %+v", room)
	}
}
