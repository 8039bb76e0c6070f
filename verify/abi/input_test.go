package abi_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/plugproof/plugproof/verify/abi"
)

// TestOpenInputDoesNotWait: a pipe that nobody writes to is refused at once.
func TestOpenInputDoesNotWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.so")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	in, done := abi.OpenInput(pipe)
	defer done()
	if in.Err == nil {
		t.Error("a named pipe was taken for a file")
	}
}
