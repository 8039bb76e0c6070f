package elfdiff

import (
	"errors"
	"fmt"
)

// The reasons why an input cannot be compared at all.
var (
	ErrUnreadable = errors.New("unreadable")
	ErrNotELF     = errors.New("no ELF file")
	ErrBadELF     = errors.New("broken ELF file")
)

// InputError says which input could not be compared and why. It wraps ErrUnreadable, ErrNotELF or ErrBadELF.
type InputError struct {
	Path string
	Err  error
}

func (e *InputError) Error() string { return fmt.Sprintf("reading %q: %v", e.Path, e.Err) }

// Unwrap returns the reason.
func (e *InputError) Unwrap() error { return e.Err }
