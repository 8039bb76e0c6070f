package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/verify/abi"
	"github.com/plugproof/plugproof/verify/goelf"
)

// loadDoc is the `load --json` document.
type loadDoc struct {
	Schema      string       `json:"schema"`
	Backend     string       `json:"backend"`
	Accelerator string       `json:"accelerator"`
	QEMU        string       `json:"qemu"`
	Kernel      string       `json:"kernel"`
	Image       string       `json:"image"` // its digest
	ImageOrigin string       `json:"image_origin"`
	Host        string       `json:"host"`
	Plugins     []loadPlugin `json:"plugins"`
	Outcome     vm.Kind      `json:"outcome"`   // the host's
	Reason      string       `json:"reason"`    // of an outcome that is not the host's own doing
	Exit        *int         `json:"exit"`      // null if it did not exit
	Signal      *int         `json:"signal"`    // null if no signal ended it
	Leftovers   int          `json:"leftovers"` // processes that ran on when the host had ended, and were ended
	LastLine    string       `json:"last_line"`
	Stdout      string       `json:"stdout"`
	Stderr      string       `json:"stderr"`
	Void        bool         `json:"void"` // the image is Void Linux by its own os-release

	Scripts []guest.Configured `json:"install_scripts"` // that the image ran at its first boot
}

type loadPlugin struct {
	Path    string `json:"path"`
	Guest   string `json:"guest_path"` // as the host was given it
	Outcome string `json:"outcome"`
	Error   string `json:"error"`
}

type loadFlags struct {
	brief  bool
	fresh  bool
	probe  *bool // what HOST is; nil: what it reports says so
	run    string
	env    []string
	files  []string
	image  []string
	kernel string
}

func newLoadCmd(a *app) *cobra.Command {
	var f loadFlags
	var probe bool
	cmd := &cobra.Command{
		Use:   "load HOST PLUGIN...",
		Short: "Load plugins into a host for real, in a virtual machine",
		Long: `Start HOST in a clean virtual machine of its architecture as "HOST PLUGIN..." and say what became of each plugin.
A probe host of plugproof's own reports each open; any other program is judged by its exit status, by
plugin.Open's texts in its output and by signals, and a plugin of which nothing is seen is unobserved:
a host of one's own that ends with 0 without a word proves nothing, it may never have opened it.

` + fmt.Sprintf("A load that neither ends nor rests is a hang once QEMU has used %.0f s of CPU time for it (longer by the clock);\n"+
			"so is one that does no work and writes nothing for %d s. What takes long says so on stderr.\n\n", vm.DefaultBudget.Seconds(), guest.DefaultIdleLimit) + `Exit 0 if HOST ended with 0 and every plugin is ok, or unobserved in a host that is no probe, else 1; 3 if a host that
--probe calls one sent no report, or one that is not a probe's.`,
		Example: "  plugproof load ./gateway plugins/greet.so\n  plugproof load --run '{host} --plugins {plugins}' ./gateway greet.so count.so",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("probe") {
				f.probe = &probe
			}
			if cmd.Flags().Changed("kernel") && f.kernel == "" {
				return usagef("name the kernel's file, or leave --kernel out", "--kernel is empty")
			}
			return a.load(cmd.Context(), f, args[0], args[1:])
		},
	}
	cmd.Flags().BoolVar(&f.brief, "brief", false, "print the outcomes alone, in words that do not change from machine to machine")
	cmd.Flags().BoolVar(&f.fresh, "fresh-boot", false, "boot a kernel in place of restoring a saved machine")
	cmd.Flags().BoolVar(&probe, "probe", false, "HOST is, or with =false is not, a probe of plugproof's own; without, what it reports says so")
	cmd.Flags().StringVar(&f.kernel, "kernel", "", "boot the kernel in `FILE`, with --image: the one that it is for, as a failing cell keeps it")
	cmd.Flags().StringVar(&f.run, "run", "", "start it as `CMD`, in which {host} and {plugins} stand for the paths; words may be quoted as in a shell")
	cmd.Flags().StringArrayVar(&f.env, "env", nil, "`NAME=VALUE` in the host's environment")
	cmd.Flags().StringArrayVar(&f.files, "file", nil, "`HERE=THERE`: a further file or folder, and its path below "+guest.PayloadDir)
	imageFlag(cmd.Flags(), &f.image)
	return cmd
}

func (a *app) load(ctx context.Context, f loadFlags, host string, plugins []string) error {
	arch, interp, err := hostOf(a.path(host))
	if err != nil {
		return usagef("HOST is a Go program for musl on amd64 or arm", "bad host %q: %w", host, err)
	}
	if interp != "" && !strings.HasPrefix(path.Base(interp), "ld-musl-") && f.run == "" && len(f.image) == 0 {
		return usagef("build it with a C compiler for musl", "bad host %q: it wants %q, which the image with musl does not have", host, interp)
	}
	job, paths, err := a.loadJob(f, host, plugins)
	if err != nil {
		return err
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	if f.kernel != "" && len(f.image) == 0 {
		return usagef("give the --image that it is for, too", "--kernel goes with --image")
	}
	shop.images, shop.kernel, shop.freshBoot = f.image, f.kernel, f.fresh
	stop := a.beat("loading into " + oneLine(host))
	defer stop()
	ground, err := shop.ground(ctx, arch, "musl")
	if err != nil {
		return err
	}
	out, err := ground.Machine.Run(ctx, job)
	stop()
	if err != nil {
		return err
	}
	if out.Kind == vm.HarnessErr {
		return incompletef("try again; if it stays, plugproof doctor", "the machine failed: %s", out.Error)
	}
	seen := out.Results[0]
	probe := len(seen.Report) > 0
	if f.probe != nil {
		probe = *f.probe
	}
	if !probe {
		seen.Plugins = worker.Foreign(paths, seen)
	}
	doc := loadDoc{Schema: "plugproof/load/v1", Backend: "vm", Accelerator: out.Accelerator, QEMU: out.QEMU, Kernel: out.Release,
		Image: string(ground.Image), ImageOrigin: ground.ImageOrigin, Host: host, Outcome: seen.Kind, Reason: seen.Error, Leftovers: seen.Leftovers, Plugins: []loadPlugin{}, LastLine: worker.LastLine(seen),
		Stdout: string(seen.Stdout), Stderr: string(seen.Stderr), Void: shop.onVoid(arch), Scripts: append([]guest.Configured{}, out.Configured...)}
	good := seen.Kind == vm.Exited && seen.Exit == 0
	if seen.Signal != 0 {
		doc.Signal = &seen.Signal
	} else if seen.Exit >= 0 {
		doc.Exit = &seen.Exit
	}
	for i, p := range seen.Plugins {
		doc.Plugins = append(doc.Plugins, loadPlugin{plugins[i], paths[i], p.Outcome, p.Error})
		good = good && (p.Outcome == "ok" || p.Outcome == "unobserved" && (!probe || p.Error == ""))
	}
	for _, n := range out.Notes {
		a.talk("%s", n)
	}
	switch {
	case a.json:
		err = a.printJSON(doc)
	case f.brief:
		err = a.print(worker.Brief(paths, seen))
	default:
		err = a.print(loadText(doc, seen))
	}
	switch {
	case err != nil:
		return err
	case !good:
		return exitCode(ExitFinding)
	case probe:
		return silence(host, seen, paths)
	}
	return nil
}

// silence is what a probe that ended with 0 should have told, and did not: of each plugin, and that it came to its end. It is judged as
// verify judges it: where no report came nothing was learned, and where its end lacks something ended the probe.
func silence(host string, seen vm.Result, paths []string) error {
	const hint = "leave --probe out for a host that is none of plugproof's probes"
	read := guest.ReadReport(seen.Report, paths, guest.FateExit)
	switch {
	case len(seen.Report) == 0:
		return incompletef(hint, "%q is no probe, or ended before its first word: it sent no report, and nothing was learned of its plugins", host)
	case read.Trouble != "":
		return incompletef(hint, "the report of %q is not a probe's: %s", host, oneLine(read.Trouble))
	case !read.Complete:
		return &Error{Code: ExitFinding, Err: fmt.Errorf("%q ended before the probe was done: something that a plugin started ended it", host)}
	}
	return nil
}

// hostOf reads which machine a host needs.
func hostOf(file string) (arch, interp string, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that nobody writes to would be waited for
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", "", err
	}
	if !info.Mode().IsRegular() {
		return "", "", errors.New("it is no regular file")
	}
	e, err := goelf.Open(f, info.Size())
	if err != nil {
		return "", "", err
	}
	arch = abi.Arch(e)
	if _, err := vm.ModelOf(arch); err != nil {
		return "", "", err
	}
	if _, err := e.Plugin(); err == nil {
		return "", "", errors.New("it is itself a plugin")
	}
	return arch, e.Interp(), nil
}

// loadText is what the host wrote to its standard output, then one line per plugin and one for the host.
func loadText(doc loadDoc, r vm.Result) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(doc.Stdout, "\n")) {
		b.WriteString("| " + oneLine(strings.TrimRight(line, "\n")) + "\n")
	}
	for _, p := range doc.Plugins {
		fmt.Fprintf(&b, "%s: %s", oneLine(p.Path), p.Outcome)
		if p.Error != "" {
			fmt.Fprintf(&b, ": %s", oneLine(p.Error))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s: %s", oneLine(doc.Host), r.Kind)
	switch {
	case doc.Signal != nil:
		fmt.Fprintf(&b, " %d", *doc.Signal)
	case doc.Exit != nil:
		fmt.Fprintf(&b, " %d", *doc.Exit)
	}
	if r.Error != "" {
		fmt.Fprintf(&b, ": %s", oneLine(r.Error))
	} else if doc.LastLine != "" && (doc.Exit == nil || *doc.Exit != 0) {
		fmt.Fprintf(&b, ": %s", oneLine(doc.LastLine))
	}
	if doc.Leftovers > 0 {
		fmt.Fprintf(&b, "\nnote: processes that ran on when it had ended, and were ended: %d", doc.Leftovers)
	}
	for _, c := range doc.Scripts {
		if c.Exit != 0 || c.Error != "" {
			fmt.Fprintf(&b, "\nnote: the INSTALL script of %s ended with %d %s", oneLine(c.Package), c.Exit, oneLine(c.Error))
		}
	}
	fmt.Fprintf(&b, "\n(Linux %s, QEMU %s %s, %s)\n", orNone(doc.Kernel), doc.QEMU, doc.Accelerator, machineOf(doc.ImageOrigin, doc.Void))
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
