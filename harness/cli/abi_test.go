package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runABI runs the verb alone and returns its stdout and exit code.
func runABI(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out, talk bytes.Buffer
	a := &app{env: Env{Stdout: &out, Stderr: &talk, Dir: t.TempDir(), Environ: []string{"PLUGPROOF_CACHE=" + t.TempDir()}}, dir: t.TempDir()}
	cmd := newABICmd(a)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.Execute()
	text := out.String()
	if silent := exitCode(0); err != nil && !errors.As(err, &silent) {
		text += err.Error()
	}
	return text, a.fail(err)
}

func TestABI(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("a text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{self}, ExitOK, "host " + self},
		{[]string{self, "/no/such.so"}, ExitFinding, "host-cannot-load"},
		{[]string{text, self}, ExitUsage, "bad host"},
		{[]string{"/no/such/host"}, ExitUsage, "bad host"},
		{[]string{"--root", text, self}, ExitUsage, "is not a directory"},
		{[]string{"export", self}, ExitOK, "plugproof host lock 2\n"},
		{[]string{"export", text}, ExitUsage, "bad host"},
	}
	for _, tt := range tests {
		out, code := runABI(t, tt.args...)
		if code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("abi %q: exit %d, want %d; output %q, want %q", tt.args, code, tt.code, out, tt.want)
		}
	}
}
