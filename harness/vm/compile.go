package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/proc"
)

// guestFlags are those of the guest's build; they and the Go decide its bytes.
var guestFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}

// compileGuest returns the guest's init for the architecture, compiled from the embedded sources and kept under cache by
// the digest of the sources, the Go's version and the flags. The build has no network and needs none.
func compileGuest(ctx context.Context, goCommand, arch, cache string) ([]byte, error) {
	b := goBuild{Go: goCommand, Arch: arch, Cache: cache, Name: "plugproof-guest", Package: guest.MainPackage, Flags: guestFlags}
	list, err := guest.Sources()
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		b.Sources = append(b.Sources, source{s.Name, s.Data})
	}
	return b.run(ctx)
}

// source is one file of a module that is compiled for the guest.
type source struct {
	Name string
	Data []byte
}

// goBuild is the build of one static program for the guest.
type goBuild struct {
	Go       string // the go command
	Arch     string
	Cache    string // plugproof's cache
	Name     string
	Package  string
	Flags    []string
	Sources  []source
	Env      []string // further environment
	ModCache string   // GOMODCACHE; "" for a module without requirements
}

// run returns the program, from the cache if it is there.
func (b goBuild) run(ctx context.Context) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("compiling %s for %s: %w", b.Name, b.Arch, err)
	}
	version, err := output(ctx, proc.Cmd{Path: b.Go, Args: []string{"env", "GOVERSION"}, Env: b.env(""), Dir: "/"})
	if err != nil {
		return fail(err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q\n", strings.TrimSpace(version), b.Arch, b.Package, b.Flags)
	for _, s := range b.Sources {
		fmt.Fprintf(h, "%q %d\n%s\n", s.Name, len(s.Data), s.Data)
	}
	file := filepath.Join(b.Cache, "guest", fmt.Sprintf("%s-%s-%s", b.Name, b.Arch, hex.EncodeToString(h.Sum(nil))[:24]))
	if data, err := readSealed(file); err == nil {
		return data, nil
	}
	dir, err := os.MkdirTemp("", "plugproof-guest-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	for _, s := range b.Sources {
		name := filepath.Join(dir, filepath.FromSlash(s.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, s.Data, 0o644)); err != nil {
			return fail(err)
		}
	}
	args := append([]string{"build", "-o", "program.out"}, b.Flags...)
	if _, err := output(ctx, proc.Cmd{Path: b.Go, Args: append(args, b.Package), Env: b.env(dir), Dir: dir}); err != nil {
		return fail(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "program.out"))
	if err != nil {
		return fail(err)
	}
	if err := writeSealed(file, data); err != nil {
		return fail(err)
	}
	return data, nil
}

// env is the build's whole environment.
func (b goBuild) env(dir string) []string {
	modcache := b.ModCache
	if modcache == "" {
		modcache = filepath.Join(b.Cache, "guest", "gomod")
	}
	return append([]string{
		"GOOS=linux", "GOARCH=" + b.Arch, "GOARM=7", "GOAMD64=v1", "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOWORK=off", "GO111MODULE=on",
		"GOFLAGS=", "GOPROXY=off", "GOENV=off", "GOTELEMETRY=off", "GOCACHE=" + filepath.Join(b.Cache, "guest", "gocache"), "GOMODCACHE=" + modcache,
		"GOPATH=" + filepath.Join(b.Cache, "guest", "gopath"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "PATH=/usr/bin:/bin",
	}, b.Env...)
}

// output runs the command and returns its standard output; what it said on standard error is in the error.
func output(ctx context.Context, c proc.Cmd) (string, error) {
	var stdout bytes.Buffer
	stderr := newTail(4 << 10)
	c.Stdout, c.Stderr, c.Umask = &stdout, stderr, -1
	r, err := proc.Run(ctx, c)
	if err != nil {
		return "", err
	}
	if !r.OK() {
		return "", fmt.Errorf("running %q: %v: %s", filepath.Base(c.Path), r, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// maxSealed bounds a cached file that is read whole, in bytes.
const maxSealed = 256 << 20

// writeSealed writes the data and its SHA-256 in front, through a temporary file, so that a reader sees all or nothing.
func writeSealed(file string, data []byte) error {
	sum := sha256.Sum256(data)
	return writeAtomic(file, sum[:], data)
}

// readSealed reads what writeSealed wrote. A file that is not whole is removed.
func readSealed(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSealed))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", file, err)
	}
	if len(raw) >= sha256.Size {
		if sum := sha256.Sum256(raw[sha256.Size:]); bytes.Equal(sum[:], raw[:sha256.Size]) {
			return raw[sha256.Size:], nil
		}
	}
	os.Remove(file)
	return nil, fmt.Errorf("reading %q: it is damaged: %w", file, fs.ErrNotExist)
}

// writeAtomic writes the parts into a new file and renames it into place. No room is a *FullError.
func writeAtomic(file string, parts ...[]byte) error {
	return roomIn(filepath.Dir(file), replace(file, parts))
}

func replace(file string, parts [][]byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone after the rename
	for _, p := range parts {
		if _, err := f.Write(p); err != nil {
			f.Close()
			return err
		}
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
