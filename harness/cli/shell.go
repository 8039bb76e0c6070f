package cli

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/vm"
)

type shellFlags struct {
	arch  string
	files []string
	fresh bool
	image []string
}

func newShellCmd(a *app) *cobra.Command {
	var f shellFlags
	cmd := &cobra.Command{
		Use:   "shell",
		Short: "Open a shell in a clean virtual machine",
		Long: `Open u-root's shell, as root, on the console of the virtual machine in which programs are run and plugins are
loaded. What --file names is below ` + guest.PayloadDir + `/` + workDir + `. 'exit' ends the shell and the machine; what is read
from standard input is typed. The exit code is the shell's, as with exec.`,
		Example: "  plugproof shell --arch arm --file ./gateway=gateway",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return execFailure(a.shell(cmd.Context(), f))
		},
	}
	cmd.Flags().StringVar(&f.arch, "arch", runtime.GOARCH, "the machine's architecture: `ARCH` is amd64 or arm")
	cmd.Flags().Lookup("arch").DefValue = "" // the help is the same everywhere
	cmd.Flags().StringArrayVar(&f.files, "file", nil, "`HERE=THERE`: a file or folder, and its path below "+guest.PayloadDir+"/"+workDir)
	cmd.Flags().BoolVar(&f.fresh, "fresh-boot", false, "boot a kernel in place of restoring a saved machine")
	imageFlag(cmd.Flags(), &f.image)
	return cmd
}

func (a *app) shell(ctx context.Context, f shellFlags) error {
	if a.json {
		return usagef("leave --json out", "a shell has no document")
	}
	if !slices.Contains(plan.Arches, f.arch) {
		return usagef("it is one of "+strings.Join(plan.Arches, ", "), "unknown arch %q", f.arch)
	}
	tree := a.newGuestTree()
	if err := tree.pairs(f.files); err != nil {
		return err
	}
	shop, done, err := a.openWorkshop()
	if err != nil {
		return err
	}
	defer done()
	shop.freshBoot, shop.images = f.fresh, f.image
	ground, err := shop.ground(ctx, f.arch, "musl")
	if err != nil {
		return err
	}
	restore, err := a.rawTerminal()
	if err != nil {
		return err
	}
	out, err := ground.Machine.Shell(ctx, vm.Session{Files: tree.list(), Input: a.env.Stdin, Output: a.env.Stdout, Term: a.getenv("TERM")})
	restore()
	if err != nil {
		return err
	}
	status, err := execStatus(out, out.Results[0], 0)
	if err != nil {
		return err
	}
	return verdict(status)
}

// rawTerminal hands what is typed to the guest key by key, without an echo of its own (cfmakeraw, termios(3)), if standard
// input is a terminal. restore takes that back.
func (a *app) rawTerminal() (restore func(), err error) {
	f, ok := a.env.Stdin.(*os.File)
	if !ok {
		return func() {}, nil
	}
	was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return func() {}, nil // no terminal
	}
	raw := *was
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was) }, nil
}
