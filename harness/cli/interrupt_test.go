package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSecondInterruptEndsAPlainRead starts a command that waits for a pipe's writer, as a shell starts one in the background:
// with SIGINT ignored. The pipe can only be opened for writing once the command reads it.
func TestSecondInterruptEndsAPlainRead(t *testing.T) {
	if os.Getenv("PLUGPROOF_TEST_MAIN") != "" { // the other process
		env := OS()
		env.Args = []string{"plan", "project.txtar"}
		os.Exit(Main(env))
	}
	dir := t.TempDir()
	pipe := filepath.Join(dir, "project.txtar")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("sh", "-c", `trap '' INT; exec "$0" "$@"`, os.Args[0], "-test.run=^TestSecondInterruptEndsAPlainRead$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PLUGPROOF_TEST_MAIN=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // closes when the command has ended
		cmd.Wait()
		close(ended)
	}()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	sent, w := 0, (*os.File)(nil)
	for tick := 0; ; tick++ {
		select {
		case <-ended:
			if st := cmd.ProcessState; st.ExitCode() != ExitInterrupted || sent < 2 {
				t.Errorf("after %d SIGINTs: %v, want exit status %d", sent, st, ExitInterrupted)
			}
			return
		case <-again.C:
		}
		switch {
		case tick == 3000: // a minute
			cmd.Process.Kill()
		case w == nil:
			var err error
			if w, err = os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil { // not before somebody reads: fifo(7)
				defer w.Close()
			}
		default:
			cmd.Process.Signal(syscall.SIGINT)
			sent++
		}
	}
}
