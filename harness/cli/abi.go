package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/links"
	"github.com/plugproof/plugproof/verify/abi"
)

func newABICmd(a *app) *cobra.Command {
	var root, cpu string
	var orders bool
	cmd := &cobra.Command{
		Use:   "abi HOST [PLUGIN...]",
		Short: "Predict what plugin.Open will answer, from the files alone",
		Long: `Predict, without running anything, what plugin.Open will answer when HOST opens the plugins in this order in
one process: the verdict, the exact text of the error, every differing package and the cause.

Verdicts: host-cannot-load, not-reached, abort, poisoned, not-found, not-a-plugin, dlopen-error,
already-loaded, mismatch, symbol, ok ('plugproof explain VERDICT'). --root names the file system in which the
host's loader and needed libraries are looked up; by default it is that of the default image.
--orders also says which plugins change the outcome of others, and gives an order in which all open, or proves that
there is none, or says that none was found. HOST may be a lock that 'plugproof abi export HOST' wrote.
Functions of packages that no checksum shows to be the same on both sides are compared: 'drift' lists those of which the
process runs two versions although the fingerprints agree; what the files do not tell is said to be undecided.
--cpu names the target's processor as QEMU does (max, Nehalem, cortex-a15) or as a level (GOAMD64=v1, GOARM=6), by
default that of the default machine: what a plugin needs beyond it is a limit, for it opens and dies later.
Not predicted: what init functions and constructors in C do while a plugin is opened.
Exit code: 0 all open, 1 otherwise, 2 if HOST cannot be judged.`,
		Example: "  plugproof abi gateway greet.so count.so\n  plugproof abi --orders --json gateway plugins/*.so",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.predict(args[0], args[1:], root, cpu, orders)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(r)
			} else {
				err = a.print(r.Text())
			}
			if err != nil || r.OK() {
				return err
			}
			return verdict(ExitFinding)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "look needed libraries up in the file system at `DIR`")
	cmd.Flags().StringVar(&cpu, "cpu", "", "the target's `PROCESSOR`")
	cmd.Flags().BoolVar(&orders, "orders", false, "check every ordered pair of plugins and find an order in which all open")
	cmd.AddCommand(newABIExportCmd(a))
	return cmd
}

// predict opens the files. Paths appear in the report as they were given, which is how plugin.Open would be given them.
func (a *app) predict(host string, plugins []string, root, cpu string, orders bool) (*abi.Report, error) {
	in, done, err := a.abiHost(host)
	if err != nil {
		return nil, err
	}
	defer done()
	opt, err := a.abiRoot(in, root)
	if err != nil {
		return nil, err
	}
	if opt.CPU, err = abiCPU(in, cpu); err != nil {
		return nil, err
	}
	var ins []abi.Input
	for _, name := range plugins {
		p, done := abi.OpenInput(a.uncleaned(name))
		defer done()
		p.Path = name
		ins = append(ins, p)
	}
	r, err := abi.Predict(in, ins, opt)
	if err == nil && orders {
		opt.Progress = a.ordersProgress()
		r.Orders, err = abi.CheckOrders(in, ins, opt)
	}
	return r, hostError(err)
}

// ordersProgress says on stderr every heartbeat how far the check of orders is, which takes minutes with hundreds of plugins.
func (a *app) ordersProgress() func(done, total int) {
	said := a.env.Now()
	return func(done, total int) {
		if now := a.env.Now(); now.Sub(said) >= heartbeat {
			said = now
			fmt.Fprintf(a.env.Stderr, "plugproof: orders: predicted %d of %d processes\n", done, total)
		}
	}
}

// uncleaned is path for what plugin.Open is given: there an empty name is no file, a slash at the end asks for a directory, and what ".." means
// depends on links.
func (a *app) uncleaned(p string) string {
	if p == "" || filepath.IsAbs(p) || a.dir == "" {
		return p
	}
	return a.dir + "/" + p
}

// hostError gives errors about the host their exit code.
func hostError(err error) error {
	if errors.Is(err, abi.ErrHost) || errors.Is(err, abi.ErrLock) {
		return usagef("give a Go program that was linked with cgo and imports package plugin, or its lock", "%w", err)
	}
	return err
}

// abiRoot chooses the file system of the target.
func (a *app) abiRoot(host abi.Input, root string) (abi.Options, error) {
	if root != "" {
		st, err := os.Stat(a.path(root))
		if err != nil || !st.IsDir() {
			return abi.Options{}, usagef("give --root the directory of a root file system", "%q is not a directory", root)
		}
		return abi.Options{Root: links.Dir(a.path(root)), RootName: root}, nil
	}
	about, interp, err := abi.Describe(host)
	if err != nil {
		return abi.Options{}, hostError(err)
	}
	switch {
	case interp == "":
		return abi.Options{}, nil
	case about.Libc != nil && *about.Libc == "glibc": // there is no default image with glibc
		if file := a.loaderFile(about.Arch, interp); file == interp {
			return abi.Options{Root: links.Dir("/"), RootName: "/"}, nil
		}
	default:
		own := abi.MuslLoader(about.Arch) // the only one that the image has
		if file := a.loaderFile(about.Arch, own); file != "" {
			return abi.Options{Root: abi.FileRoot(file, own, "/lib/libc.so", "/usr/lib/libc.so"), RootName: "default image"}, nil
		}
	}
	return abi.Options{}, nil
}
