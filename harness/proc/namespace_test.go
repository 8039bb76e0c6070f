package proc

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNetwork(t *testing.T) {
	if !Isolation().Network {
		t.Skip("no network namespaces here: " + Isolation().Why)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		network bool
		args    []string
		code    int
	}{
		{"with the network", true, []string{"role=dial", l.Addr().String()}, 0},
		{"without", false, []string{"role=dial", l.Addr().String()}, 7},
		{"no route", false, []string{"role=dial", "192.0.2.1:9"}, 7},
		{"lo is up", false, []string{"role=loopback"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			res, err := Run(t.Context(), Cmd{Path: self, Args: tt.args, Network: tt.network, Stdout: &out})
			if err != nil || res.ExitCode != tt.code {
				t.Error(res, err, out.String())
			}
			if tt.name == "no route" && !strings.Contains(out.String(), "unreachable") {
				t.Errorf("said %q", out.String())
			}
		})
	}
}

func TestMounts(t *testing.T) {
	if !Isolation().Mount {
		t.Skip("no mount namespaces here: " + Isolation().Why)
	}
	dir := t.TempDir()
	for _, d := range []string{"a", "b", "secret"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "name"), []byte(d), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	res, err := Run(t.Context(), Cmd{Path: "/bin/sh", Env: path, Dir: dir, Stdout: &out, Stderr: &out,
		Args:  []string{"-c", "cat b/name; ls secret; echo x 2>/dev/null >b/name || echo readonly; echo x 2>/dev/null >secret/x || echo hidden"},
		Binds: []Bind{{From: filepath.Join(dir, "a"), To: filepath.Join(dir, "b"), ReadOnly: true}}, Hide: []string{filepath.Join(dir, "secret")}})
	if err != nil || !res.OK() {
		t.Fatal(res, err, out.String())
	}
	if diff := cmp.Diff("areadonly\nhidden\n", out.String()); diff != "" {
		t.Error(diff)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "b", "name")); string(b) != "b" {
		t.Errorf("the mount is seen outside: %q", b)
	}
	if _, err := Start(t.Context(), Cmd{Path: "/bin/true", Hide: []string{"/no/such/dir"}}); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}
