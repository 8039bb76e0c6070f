package inflate_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/verify/supply/inflate"
)

// crowded is a zip of n empty files that share one place. Its end says that it has said files.
func crowded(n, said int, name string) []byte {
	var b bytes.Buffer
	local := append(make([]byte, 30), fmt.Sprintf(name, 0)...)
	binary.LittleEndian.PutUint32(local, 0x04034b50)
	binary.LittleEndian.PutUint16(local[26:], uint16(len(local)-30))
	b.Write(local)
	for i := range n {
		h := append(make([]byte, 46), fmt.Sprintf(name, i)...)
		binary.LittleEndian.PutUint32(h, 0x02014b50)
		binary.LittleEndian.PutUint16(h[28:], uint16(len(h)-46))
		b.Write(h)
	}
	end := make([]byte, 22)
	binary.LittleEndian.PutUint32(end, 0x06054b50)
	binary.LittleEndian.PutUint16(end[8:], uint16(said))
	binary.LittleEndian.PutUint16(end[10:], uint16(said))
	binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-len(local)))
	binary.LittleEndian.PutUint32(end[16:], uint32(len(local)))
	b.Write(end)
	return b.Bytes()
}

// TestCrowdedZip: archive/zip reads every header that follows another, whatever number the zip's end says.
func TestCrowdedZip(t *testing.T) {
	for _, tt := range []struct {
		n    int
		name string
		want string
	}{
		{1000, "%08x", ""},
		{200_001, "%08x", "200001 files"},
		{600_000, "%08x", "directory is longer than"},
		{60_000, strings.Repeat("long", 100) + "%08x", "directory is longer than"},
	} {
		data := crowded(tt.n, tt.n&0xffff, tt.name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		z, err := inflate.Zip(bytes.NewReader(data), int64(len(data)))
		runtime.ReadMemStats(&after)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d files: %v, want %q", tt.n, err, tt.want)
		}
		if err == nil && len(z.File) != tt.n {
			t.Errorf("%d files of %d", len(z.File), tt.n)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 400<<20 {
			t.Errorf("%d files: %d bytes were allocated", tt.n, got)
		}
	}
}

func TestZipReadsFiles(t *testing.T) {
	data := texts()["words"]
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 60 { // together more than the directory may have
		f, err := w.Create(fmt.Sprint(i))
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := inflate.Zip(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes: %v", f.Name, len(got), err)
		}
		r.Close()
	}
}
