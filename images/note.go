package images

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/plugproof/plugproof/images/cpio"
	"github.com/plugproof/plugproof/results"
)

// Note is what an image says of itself, in NoteFile. It is the word of whoever made the file, and proves nothing.
type Note struct {
	Arch       string   `json:"arch"` // GOARCH
	Libc       string   `json:"libc"`
	Origin     string   `json:"origin"`      // "debian-musl", "void-rootfs:SHA256", "xbps:KEY", "rootfs:SHA256"
	Void       bool     `json:"void"`        // its os-release says that it is Void Linux
	Kernel     string   `json:"kernel"`      // the release that its modules are for
	Packages   []string `json:"packages"`    // pkgvers, in the order of unpacking; of a tarball: what its database has
	LoaderPath string   `json:"loader_path"` // where programs look for the libc's loader
}

// Script is an INSTALL script that waits for the first boot.
type Script struct {
	Package string `json:"package"` // pkgver
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"` // of the machine, as xbps says it
	Text    []byte `json:"text"`
}

// noteFiles are the recipe's note and scripts as files of the image.
func noteFiles(r Recipe) ([]File, error) {
	var files []File
	if r.Note.Packages == nil {
		r.Note.Packages = []string{}
	}
	for _, f := range []struct {
		name string
		v    any
		skip bool
	}{{NoteFile, r.Note, false}, {ScriptFile, r.Scripts, len(r.Scripts) == 0}} {
		if f.skip {
			continue
		}
		raw, err := results.Canonical(f.v)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: f.name, Perm: 0o644, Data: append(raw, '\n')})
	}
	return files, nil
}

// maxNote bounds a note in bytes: the packages of a whole desktop are 100 KiB.
const maxNote = 4 << 20

// ReadNote finds the note of an image whose archive is of that size in bytes.
func ReadNote(r io.ReaderAt, size int64) (Note, error) {
	list, err := cpio.Read(r, size)
	if err != nil {
		return Note{}, fmt.Errorf("reading the image's note: %w", err)
	}
	for _, h := range list {
		if (h.Name == NoteFile || h.Name == "usr/"+NoteFile) && h.Size <= maxNote {
			raw, err := io.ReadAll(h.Contents(r))
			if err != nil {
				return Note{}, fmt.Errorf("reading the image's note: %w", err)
			}
			dec := json.NewDecoder(bytes.NewReader(raw))
			var n Note
			if err := dec.Decode(&n); err != nil {
				return Note{}, fmt.Errorf("reading the image's note: %w", err)
			}
			return n, nil
		}
	}
	return Note{}, fmt.Errorf("reading the image's note: it has no %s, so plugproof did not make it", NoteFile)
}
