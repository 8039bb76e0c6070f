package cli

import (
	"context"
	"errors"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
)

// ExitExec is exec's exit code for a failure of plugproof's own; all others are the program's.
const ExitExec = 125

// execDoc is the `exec --json` document.
type execDoc struct {
	Schema      string   `json:"schema"`
	Arch        string   `json:"arch"`
	Accelerator string   `json:"accelerator"`
	QEMU        string   `json:"qemu"`
	Kernel      string   `json:"kernel"`
	Image       string   `json:"image"` // its digest
	Command     []string `json:"command"`
	Outcome     vm.Kind  `json:"outcome"`
	Error       string   `json:"error"`
	Exit        *int     `json:"exit"`   // null if it did not exit
	Signal      *int     `json:"signal"` // null if no signal ended it
	Status      int      `json:"status"` // exec's own exit code
	Seconds     float64  `json:"seconds"`
	CPUSeconds  float64  `json:"cpu_seconds"` // QEMU's
	Stdout      string   `json:"stdout"`
	Stderr      string   `json:"stderr"`
}

type execFlags struct {
	arch    string
	files   []string
	env     []string
	dir     string
	root    bool
	fresh   bool
	memory  int
	timeout time.Duration
	budget  time.Duration
	image   []string
}

func newExecCmd(a *app) *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec [flags] [--] CMD [ARG...]",
		Short: "Run a program in a clean virtual machine",
		Long: `Run a program of this machine, static or for musl, in a clean virtual machine: as an unprivileged user, with lo
up, /proc and a writable /tmp. Its output is passed on as it comes; its standard input is empty. It starts in a
folder that it may write to and that holds what --dir and --file name; nothing comes back from there.

Under 'go test -exec' the package's folder goes in with its testdata, as --dir does for other programs, and what the
test's flags name comes back: coverage, profiles, traces, what a fuzz test found.

The exit code is the program's; a signal n that ended it gives 128+n. A failure of plugproof's own gives 125, also
where the program was ended by --timeout or --budget.`,
		Example: "  plugproof exec --file config.toml=config.toml ./server --check\n" +
			"  CGO_ENABLED=0 GOARCH=arm go test -exec 'plugproof exec --arch arm --' ./...",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return execFailure(a.exec(cmd.Context(), f, args))
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &Error{Code: ExitExec, Err: err, Hint: "run 'plugproof help exec' for the flags"}
	})
	cmd.Flags().StringVar(&f.arch, "arch", "", "the machine's architecture: `ARCH` is amd64 or arm; default: the program's")
	cmd.Flags().StringArrayVar(&f.files, "file", nil, "`HERE=THERE`: a file or folder, and its path below the folder that the program starts in")
	cmd.Flags().StringArrayVar(&f.env, "env", nil, "`NAME=VALUE` in the program's environment")
	cmd.Flags().StringVar(&f.dir, "dir", "", "`DIR` whose contents are in the folder that the program starts in; default: -C for a Go test, else none")
	cmd.Flags().BoolVar(&f.root, "root", false, "run it as root")
	cmd.Flags().BoolVar(&f.fresh, "fresh-boot", false, "boot a kernel in place of restoring a saved machine")
	cmd.Flags().IntVar(&f.memory, "memory", 0, "the machine's memory in `MIB`; default: by the size of what goes in")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "end it after `DURATION` by the clock; 0: never")
	cmd.Flags().DurationVar(&f.budget, "budget", 10*time.Minute, "end it after `DURATION` of QEMU's CPU time")
	imageFlag(cmd.Flags(), &f.image)
	return cmd
}

// execFailure gives every error but the program's own status exec's exit code.
func execFailure(err error) error {
	var status exitCode
	if err == nil || errors.As(err, &status) {
		return err
	}
	e := &Error{Code: ExitExec, Err: err}
	var h hinter
	var own *Error
	switch {
	case errors.As(err, &own):
		e.Hint = own.Hint
	case errors.As(err, &h):
		e.Hint = h.Hint()
	}
	return e
}

func (a *app) exec(ctx context.Context, f execFlags, args []string) error {
	if len(args) == 0 {
		return usagef("plugproof exec -- CMD [ARG...]", "no program given")
	}
	job, outputs, arch, err := a.execJob(f, args)
	if err != nil {
		return err
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	shop.freshBoot, shop.images = f.fresh, f.image
	ground, err := shop.ground(ctx, arch, "musl")
	if err != nil {
		return err
	}
	ground.Machine.MemoryMiB = f.memory
	if !a.json {
		job.Stdout, job.Stderr = a.env.Stdout, a.env.Stderr
	}
	running := ctx
	if f.timeout > 0 {
		var cancel context.CancelFunc
		running, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	out, err := ground.Machine.Run(running, job)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return incompletef("give it a longer --timeout", "%s did not end within %v", args[0], f.timeout)
	}
	if err != nil {
		return err
	}
	for _, n := range out.Notes {
		a.talk("%s", n)
	}
	r := out.Results[0]
	if err := a.bringBack(outputs, r); err != nil {
		return err
	}
	status, err := execStatus(out, r, f.budget)
	if a.json {
		doc := execDoc{Schema: "plugproof/exec/v1", Arch: arch, Accelerator: out.Accelerator, QEMU: out.QEMU, Kernel: out.Release, Image: string(ground.Image), Command: args,
			Outcome: r.Kind, Status: status, Seconds: out.Wall.Seconds(), CPUSeconds: out.CPU.Seconds(), Stdout: string(r.Stdout), Stderr: string(r.Stderr)}
		if r.Exit >= 0 {
			doc.Exit = &r.Exit
		} else if r.Signal != 0 {
			doc.Signal = &r.Signal
		}
		if err != nil {
			doc.Error = err.Error()
		}
		if err := a.printJSON(doc); err != nil {
			return err
		}
	}
	if err != nil {
		if a.verbose {
			a.talk("the end of the guest's console:\n%s", out.Console)
		}
		return err
	}
	if r.Kind == vm.OutOfMemory {
		a.note("it was ended for want of memory: try --memory %d", 4*out.MemoryMiB)
	}
	return verdict(status)
}

// execStatus is the exit code for what became of the program; an error is plugproof's own failure.
func execStatus(out *vm.Outcome, r vm.Result, budget time.Duration) (int, error) {
	switch {
	case out.Kind == vm.GuestPanic:
		return ExitExec, incompletef("-v shows the end of the guest's console", "the guest's kernel panicked")
	case out.Kind == vm.Hung && out.CPU-out.ReadyCPU < budget:
		return ExitExec, incompletef("-v shows the end of the guest's console", "%s", out.Error)
	case r.Kind == vm.Hung || out.Kind == vm.Hung:
		return ExitExec, incompletef("give it a larger --budget", "the program used more than %v of CPU time", budget)
	case out.Kind == vm.HarnessErr && strings.HasPrefix(out.Error, "passing output on: "):
		return ExitExec, incompletef("make room where its output goes", "%s", out.Error)
	case out.Kind != vm.Exited:
		return ExitExec, incompletef("try again; if it stays, plugproof doctor", "the machine failed: %s", out.Error)
	case r.Kind == vm.NotStarted:
		return ExitExec, usagef("it must be static or for musl", "the guest cannot run it: %s", r.Error)
	case r.Exit < 0:
		return 128 + r.Signal, nil
	}
	return r.Exit, nil
}

// execJob puts the program and its files on the payload disk.
func (a *app) execJob(f execFlags, args []string) (vm.Job, []back, string, error) {
	fail := func(err error) (vm.Job, []back, string, error) { return vm.Job{}, nil, "", err }
	file := a.path(args[0])
	if !strings.ContainsRune(args[0], filepath.Separator) {
		if file = a.findProgram(args[0]); file == "" {
			return fail(usagef("give a path, like ./"+args[0], "program %q is not in the PATH", args[0]))
		}
	}
	arch, interp, err := hostOf(file)
	switch {
	case err != nil && f.arch == "":
		return fail(usagef("CMD is a program for Linux on amd64 or arm", "bad program %q: %w", args[0], err))
	case err != nil:
		arch = f.arch // perhaps a script
	case f.arch != "" && f.arch != arch:
		return fail(usagef("build it for "+f.arch, "program %q is for %s", args[0], arch))
	case interp != "" && len(f.image) == 0 && !strings.HasPrefix(path.Base(interp), "ld-musl-"):
		return fail(usagef("build it with CGO_ENABLED=0, or for musl", "program %q wants %s, which the image with musl does not have", args[0], interp))
	}
	if !slices.Contains(plan.Arches, arch) {
		return fail(usagef("it is one of "+strings.Join(plan.Arches, ", "), "unknown arch %q", arch))
	}
	if f.budget <= 0 || f.memory < 0 || f.timeout < 0 {
		return fail(usagef("run 'plugproof help exec' for the flags", "--budget must be above 0, --memory and --timeout must not be below"))
	}
	tree := a.newGuestTree()
	dir := f.dir
	if dir == "" && goTest(args) {
		dir = "."
	}
	if dir != "" {
		if err := tree.put(a.path(dir), workDir); err != nil {
			return fail(usagef("--dir names a folder", "%w", err))
		}
		if !tree.files[workDir].Dir {
			return fail(usagef("--dir names a folder", "%q is a file", dir))
		}
	}
	if err := tree.pairs(f.files); err != nil {
		return fail(err)
	}
	place := path.Join("program", filepath.Base(file))
	if err := tree.put(file, place); err != nil {
		return fail(err)
	}
	program := tree.files[place]
	program.Perm |= 0o500
	tree.files[place] = program
	var outputs []back
	if goTest(args) {
		if args, outputs, err = a.testOutputs(tree, args, dir); err != nil {
			return fail(err)
		}
	}
	var keep []string
	for _, o := range outputs {
		keep = append(keep, o.guest)
	}
	env, err := guestEnv(f.env)
	if err != nil {
		return fail(err)
	}
	name := path.Join(guest.PayloadDir, place)
	return vm.Job{Files: tree.list(), Budget: f.budget, Commands: []guest.Command{{
		Path: name, Args: append([]string{name}, args[1:]...), Env: env, Dir: path.Join(guest.PayloadDir, workDir), Root: f.root, Writable: true, Keep: keep,
		OutputLimit: math.MaxInt64 / 2, IdleLimit: math.MaxInt32,
	}}}, outputs, arch, nil
}

// goTest says that go test starts the program: its binaries have that ending and its flags that prefix.
func goTest(args []string) bool {
	return strings.HasSuffix(args[0], ".test") && slices.ContainsFunc(args[1:], func(arg string) bool { return strings.HasPrefix(arg, "-test.") })
}
