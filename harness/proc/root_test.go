package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRoot: the child sees its own root and nothing beside it, and can start children of its own there.
func TestRoot(t *testing.T) {
	if !Isolation().Mount {
		t.Skip("no mount namespaces here: " + Isolation().Why)
	}
	root := t.TempDir()
	c := Cmd{Path: "/self/test", Root: root, Dir: "/tmp", Env: path, Args: []string{"role=nested"}}
	for _, d := range []string{"proc", "tmp", "self"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"bin", "lib", "lib64", "usr", "dev"} {
		if _, err := os.Stat("/" + d); err != nil {
			continue
		}
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
		c.Binds = append(c.Binds, Bind{From: "/" + d, To: filepath.Join(root, d), ReadOnly: d != "dev"})
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "self/test"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	c.Binds = append(c.Binds, Bind{From: self, To: filepath.Join(root, "self/test"), ReadOnly: true})
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	res, err := Run(t.Context(), c)
	if err != nil || !res.OK() {
		t.Fatal(res, err, out.String())
	}
	if got := strings.Fields(out.String()); len(got) < 5 || strings.Contains(out.String(), "home") || !strings.Contains(out.String(), "self") || !strings.HasSuffix(strings.TrimSpace(out.String()), "/tmp") {
		t.Errorf("the nested child sees %q", out.String())
	}
	if _, err := Start(t.Context(), Cmd{Path: "/bin/true", Root: filepath.Join(root, "none")}); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}

func nested() int {
	res, err := Run(context.Background(), Cmd{Path: "/bin/sh", Args: []string{"-c", "ls /; pwd"}, Dir: "/tmp", Env: path, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		fmt.Println(err)
	}
	return res.ExitCode
}
