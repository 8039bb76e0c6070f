package vm

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plugproof/plugproof/images/rootfs"
)

// withUserland is a machine whose image has the shell. It fetches nothing.
func withUserland(t *testing.T, arch string) *Machine {
	t.Helper()
	machine(t, arch) // skips where there is none
	goCommand, _ := exec.LookPath("go")
	m, err := Prepare(context.Background(), Setup{Arch: arch, Cache: inputs(t), Go: goCommand, Userland: true, Offline: true})
	if err == nil {
		return m
	}
	if raw, err2 := exec.Command(goCommand, "env", "GOMODCACHE").Output(); err2 == nil {
		m, err = Prepare(context.Background(), Setup{Arch: arch, Cache: inputs(t), Go: goCommand, Userland: true, Offline: true, ModCache: strings.TrimSpace(string(raw))})
	}
	if hint, ok := err.(interface{ Unwrap() error }); ok && err != nil {
		t.Skipf("no userland: %v", hint)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestShell(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			m := withUserland(t, arch)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			var screen strings.Builder
			out, err := m.Shell(ctx, Session{
				Files:  []rootfs.File{{Name: "note", Perm: 0o644, Data: []byte("from the payload\n")}},
				Input:  strings.NewReader("cat /payload/note\nls /payload | cat\nuname -r\nid\nps\nexit 7\n"),
				Output: &screen, Term: "vt100",
			})
			if err != nil {
				t.Fatal(err)
			}
			if out.Kind != Exited || out.Results[0].Exit != 7 {
				t.Errorf("the shell ended as %s (%s) with %d", out.Kind, out.Error, out.Results[0].Exit)
			}
			for _, want := range []string{"from the payload\r\n", "note\r\n", m.Release, "uid=0 gid=0", "1 S /init"} {
				if !strings.Contains(screen.String(), want) {
					t.Errorf("the console does not show %q:\n%s", want, screen.String())
				}
			}
			t.Logf("CPU %v, wall %v, image %s", out.CPU, out.Wall, filepath.Base(m.Initrd))
		})
	}
}

// slowly is a terminal that takes its time: that is what makes the console fall behind, nothing is waited for.
type slowly struct{ strings.Builder }

func (w *slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return w.Builder.Write(p)
}

// Whatever was written to the console before the shell ended is shown, also by a terminal that is far behind.
func TestShellShowsItsLastWords(t *testing.T) {
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			m := withUserland(t, arch)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			text := strings.Repeat(strings.Repeat("x", 79)+"\n", 5000) + "the last line\n"
			var screen slowly
			out, err := m.Shell(ctx, Session{
				Files:  []rootfs.File{{Name: "text", Perm: 0o644, Data: []byte(text)}},
				Input:  strings.NewReader("cat /payload/text\nexit 7\n"),
				Output: &screen,
			})
			if err != nil {
				t.Fatal(err)
			}
			if out.Kind != Exited || out.Results[0].Exit != 7 {
				t.Errorf("the shell ended as %s (%s) with %d", out.Kind, out.Error, out.Results[0].Exit)
			}
			shown := screen.String()
			if !strings.HasSuffix(shown, "the last line\r\nplugproof# ") {
				t.Errorf("of %d bytes %d are shown; they end with %q", len(text), len(shown), shown[max(0, len(shown)-100):])
			}
		})
	}
}
