package worker

import (
	"fmt"
	"os"
	"syscall"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/shape"
)

// remember keeps the shape of each file that a cell was predicted with, for comparisons with other runs. A file that is no ELF file has none.
func (w *Worker) remember(c *cell) error {
	for i, f := range append([]file{c.host}, c.plugins...) {
		if f.sha256 == "" || i == 0 && c.HostJob.Lock != "" || w.Run.HasShape(f.sha256) {
			continue
		}
		s, err := shapeOf(f, i == 0)
		if err != nil {
			continue
		}
		if err := w.Run.AddShape(s); err != nil {
			return fmt.Errorf("keeping the shape of %q: %w", c.Cell.Cell, err)
		}
	}
	return nil
}

func shapeOf(f file, host bool) (results.Shape, error) {
	r, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return results.Shape{}, err
	}
	defer r.Close()
	return shape.Read(r, f.size, f.sha256, host)
}
