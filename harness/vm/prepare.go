package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/images/kernel"
	"github.com/plugproof/plugproof/results"
)

// Setup is what a Machine is prepared from.
type Setup struct {
	Arch       string         // "amd64" or "arm"
	Cache      string         // plugproof's cache; kernels are in its inputs/kernel-ARCH
	Go         string         // the go command that compiles the guest's init
	Loader     string         // file of the libc's dynamic loader; "" for an image without
	LoaderPath string         // where programs look for it
	Path       []string       // directories in which QEMU is looked up; nil is DefaultPath
	Accel      string         // "tcg" or "kvm"; "" is what really works here
	MemoryMiB  int            // 0: as the payload needs
	Scratch    string         // for payload disks; "" is the system's temporary directory
	FreshBoot  bool           // boot a kernel for every run; else restore a saved machine
	Userland   bool           // put the shell and commands into the default image
	Root       *Root          // nil is the default image's
	Kernel     *kernel.Kernel // nil is the cache's
	Prebuilt   *Prebuilt      // a finished image with its kernel; nothing is built then
	ModCache   string         // GOMODCACHE for the userland; "" is the cache\'s own
	FetchEnv   []string       // GOPROXY, GOSUMDB, proxy variables: seen by fetching only
	Offline    bool           // never use the network
	Log        func(string)   // one line per thing that takes long; nil is silent
}

// DefaultPath is where QEMU is looked up unless told otherwise.
var DefaultPath = []string{"/usr/local/bin", "/usr/bin", "/bin"}

// MissingKernelError says that the kernel of an architecture is not there.
type MissingKernelError struct {
	Arch string
	Err  error
}

func (e *MissingKernelError) Error() string {
	return fmt.Sprintf("the kernel for %s's virtual machines is not there: %v", e.Arch, e.Err)
}
func (e *MissingKernelError) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *MissingKernelError) Hint() string { return "run `make deps`" }

// Prepare makes a Machine: it looks for QEMU and the kernel, compiles the guest's init, builds the image and finds out
// which accelerator works. All but the first time it does so from the cache.
func Prepare(ctx context.Context, s Setup) (*Machine, error) {
	m, err := prepare(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("preparing the %s machine: %w", s.Arch, err)
	}
	return m, nil
}

func prepare(ctx context.Context, s Setup) (*Machine, error) {
	model, err := ModelOf(s.Arch)
	if err != nil {
		return nil, err
	}
	m := &Machine{Model: model, MemoryMiB: s.MemoryMiB, Scratch: s.Scratch, Accel: s.Accel}
	if !s.FreshBoot {
		m.Saved = filepath.Join(s.Cache, "machines")
	}
	if m.QEMU, err = FindQEMU(model, s.Path); err != nil {
		return nil, err
	}
	if m.Banner, m.Version, err = qemuVersion(ctx, m.QEMU); err != nil {
		return nil, err
	}
	if s.Prebuilt != nil {
		err = m.use(s.Prebuilt)
	} else {
		err = s.fresh(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	if m.Accel == "" {
		if err := m.choose(ctx, s); err != nil {
			return nil, err
		}
	}
	if m.Model.CPU[m.Accel] == "" {
		return nil, fmt.Errorf("accelerator %q is none for %s", m.Accel, s.Arch)
	}
	return m, nil
}

// fresh opens the kernel and builds the image for it.
func (s Setup) fresh(ctx context.Context, m *Machine) error {
	k := s.Kernel
	if k == nil {
		var err error
		k, err = kernel.Open(filepath.Join(s.Cache, "inputs", "kernel-"+s.Arch))
		if errors.Is(err, kernel.ErrNotFound) {
			return &MissingKernelError{s.Arch, err}
		}
		if err != nil {
			return err
		}
	}
	var err error
	m.Kernel, m.Release = k.Image, k.Release
	if m.KernelDigest, err = fileDigest(k.Image); err != nil {
		return err
	}
	return s.image(ctx, m, k)
}

// FindQEMU looks for QEMU's program, or returns a *MissingError.
func FindQEMU(model Model, path []string) (string, error) {
	if path == nil {
		path = DefaultPath
	}
	for _, dir := range path {
		file := filepath.Join(dir, model.QEMU)
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &MissingError{Program: model.QEMU, Package: model.Debian}
}

// qemuVersion is the first line of QEMU's answer, "QEMU emulator version 7.2.22 (Debian ...)", and the number in it.
func qemuVersion(ctx context.Context, file string) (banner, version string, err error) {
	text, err := output(ctx, proc.Cmd{Path: file, Args: []string{"--version"}})
	if err != nil {
		return "", "", err
	}
	banner, _, _ = strings.Cut(text, "\n")
	_, rest, ok := strings.Cut(banner, "version ")
	if words := strings.Fields(rest); ok && len(words) > 0 {
		return banner, words[0], nil
	}
	return "", "", fmt.Errorf("%q does not say its version: %.80q", file, text)
}

func fileDigest(file string) (results.Digest, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	d, _, err := results.DigestReader(f)
	return d, err
}
