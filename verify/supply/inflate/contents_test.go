package inflate_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/plugproof/plugproof/verify/supply/inflate"
)

// archive is a zip of one file. described puts its checksum and sizes behind it, too.
func archive(t testing.TB, data []byte, described bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a")
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if !described {
		for _, flags := range []int{bytes.Index(b.Bytes(), []byte("PK\x03\x04")) + 6, bytes.LastIndex(b.Bytes(), []byte("PK\x01\x02")) + 8} {
			b.Bytes()[flags] &^= 8
		}
	}
	return b.Bytes()
}

// both reads the first file of a zip here and by archive/zip. known is false if it is no zip, or not for Contents.
func both(t *testing.T, data []byte) (known bool, err, wantErr error) {
	t.Helper()
	z, err := inflate.Zip(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(z.File) != 1 || z.File[0].UncompressedSize64 > 1<<20 {
		return false, nil, nil
	}
	var got []byte
	done, err := inflate.Contents(bytes.NewReader(data), z.File[0], func(b []byte) { got = bytes.Clone(b) })
	if !done && err == nil {
		return false, nil, nil
	}
	plain, wantErr := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if wantErr != nil {
		t.Fatal(wantErr)
	}
	var want []byte
	r, wantErr := plain.File[0].Open()
	if wantErr == nil {
		want, wantErr = io.ReadAll(r)
	}
	if err == nil && wantErr == nil && !bytes.Equal(got, want) {
		t.Errorf("%d bytes, archive/zip has %d", len(got), len(want))
	}
	return true, err, wantErr
}

// TestContentsAsZip: what archive/zip refuses is refused, whichever bit of a zip is another.
func TestContentsAsZip(t *testing.T) {
	for _, described := range []bool{true, false} {
		data := archive(t, texts()["words"][:120], described)
		looked := 0
		for i := range data {
			for bit := range 8 {
				data[i] ^= 1 << bit
				known, err, wantErr := both(t, data)
				if known {
					looked++
				}
				if (err == nil) != (wantErr == nil) {
					t.Errorf("bit %d of byte %d: %v, archive/zip: %v", bit, i, err, wantErr)
				}
				data[i] ^= 1 << bit
			}
		}
		if known, err, wantErr := both(t, data); !known || err != nil || wantErr != nil || looked < 500 {
			t.Errorf("%d flips: %v %v, archive/zip: %v", looked, known, err, wantErr)
		}
	}
}

// TestContentsSize: the size that a zip says is the size that a file has.
func TestContentsSize(t *testing.T) {
	data := archive(t, texts()["runs"], true)
	at := bytes.LastIndex(data, []byte("PK\x01\x02")) + 24
	size := binary.LittleEndian.Uint32(data[at:])
	for _, said := range []uint32{0, 1, size - 1, size + 1, 900_000} {
		binary.LittleEndian.PutUint32(data[at:], said)
		if known, err, _ := both(t, data); !known || err == nil {
			t.Errorf("%d bytes said, %d there: %v %v", said, size, known, err)
		}
	}
	binary.LittleEndian.PutUint32(data[at:], 1<<31)
	z, err := inflate.Zip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if done, err := inflate.Contents(bytes.NewReader(data), z.File[0], nil); done || err != nil {
		t.Errorf("2 GB are taken into memory: %v %v", done, err)
	}
}
