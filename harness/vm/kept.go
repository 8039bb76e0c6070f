package vm

import (
	"fmt"

	"github.com/plugproof/plugproof/harness/guest"
)

// kept takes a part of a file that a command left. The guest bounds them all together; so does this.
func (s *session) kept(f guest.Frame, r *Result) error {
	p, err := guest.DecodePiece(f.Payload)
	if err != nil || p.Folder < 0 {
		return fmt.Errorf("the guest sent a piece of a file that is none")
	}
	if p.Name == "" {
		r.Lost = true
		return nil
	}
	if s.keptBytes += int64(len(p.Data) + len(p.Name)); s.keptBytes > guest.MaxKept {
		return fmt.Errorf("the guest sent more than %d bytes of files", guest.MaxKept)
	}
	if p.First {
		r.Kept = append(r.Kept, Kept{Folder: p.Folder, Name: p.Name})
	}
	if len(r.Kept) == 0 || r.Kept[len(r.Kept)-1].Name != p.Name || r.Kept[len(r.Kept)-1].Folder != p.Folder {
		return fmt.Errorf("the guest sent a piece of %.80q out of order", p.Name)
	}
	last := &r.Kept[len(r.Kept)-1]
	last.Data = append(last.Data, p.Data...)
	return nil
}
