package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/plan"
)

// defaultGo is the Go under test where neither the project nor --go names one.
const defaultGo = DefaultGo

// DefaultGo is defaultGo, for the tests of scenarios.
const DefaultGo = "go1.26.8"

// source is a PROJECT argument that was read.
type source struct {
	Arg     string
	Project *plan.Project
	Archive *fixtures.Archive // nil for a directory; else it must be extracted, and the project told where: Project.Place
}

// projects reads PROJECT arguments: directories, .txtar files and fixture:NAME. None means -C's directory.
func (a *app) projects(args []string) ([]source, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	out := make([]source, 0, len(args))
	for _, arg := range args {
		s, err := a.project(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// project reads one of them, and looks whether the packages that it names are there.
func (a *app) project(arg string) (source, error) {
	s, err := a.readProject(arg)
	if err == nil {
		err = s.Project.CheckPackages(s.Archive)
	}
	return s, err
}

func (a *app) readProject(arg string) (source, error) {
	if name, ok := strings.CutPrefix(arg, fixtures.Prefix); ok {
		archive, err := fixtures.Load(name)
		var unknown *fixtures.UnknownError
		if errors.As(err, &unknown) {
			return source{}, usagef(unknown.Hint(), "%w", err)
		}
		if err != nil {
			return source{}, err
		}
		p, err := plan.LoadArchive(archive, arg)
		return source{arg, p, archive}, err
	}
	if strings.HasSuffix(arg, ".txtar") {
		archive, err := readArchive(arg, a.path(arg))
		if err != nil {
			return source{}, err
		}
		p, err := plan.LoadArchive(archive, "")
		return source{arg, p, archive}, err
	}
	p, err := plan.Load(a.path(arg))
	return source{arg, p, nil}, err
}

// readArchive reads a user's archive.
func readArchive(arg, file string) (*fixtures.Archive, error) {
	const hint = "name a txtar archive with a go.mod and a plugproof.toml"
	f, err := os.Open(file)
	if err != nil {
		return nil, usagef(hint, "reading %q: %w", arg, errors.Unwrap(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fixtures.MaxSize+1))
	if err != nil {
		return nil, usagef(hint, "reading %q: %w", arg, err)
	}
	archive, err := fixtures.ParseArchive(filepath.Base(arg), data)
	if err != nil {
		return nil, usagef(hint, "%w", err)
	}
	return archive, nil
}

// axes are the flags that choose cells.
type axes struct {
	goSpecs, arch, libc []string
	pairs               string
}

func (x *axes) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(listFlag{&x.goSpecs}, "go", "`GO`: versions such as go1.26.8, or name=path:DIR; instead of [matrix] go")
	f.Var(listFlag{&x.arch}, "arch", "`ARCH`: "+strings.Join(plan.Arches, ", "))
	f.Var(listFlag{&x.libc}, "libc", "`LIBC`: "+strings.Join(plan.Libcs, ", "))
	f.StringVar(&x.pairs, "pairs", "same", "`PAIRS`: host and plugin by the same Go (same), or each by every Go (all)")
}

// listFlag is a flag of values with commas between them, which may be given again. An empty one is what a script gives whose variable is not set:
// the default would be something else than what was meant.
type listFlag struct{ values *[]string }

func (f listFlag) String() string {
	if f.values == nil {
		return ""
	}
	return strings.Join(*f.values, ",")
}
func (f listFlag) Type() string { return "strings" }

// Set adds values and refuses empty ones.
func (f listFlag) Set(text string) error {
	for _, v := range strings.Split(text, ",") {
		if v == "" {
			return errors.New("a value is empty: is the variable that was to say it not set?")
		}
		*f.values = append(*f.values, v)
	}
	return nil
}

// args are the flags that give the same axes.
func (x *axes) args() []string {
	var out []string
	for _, l := range []struct {
		flag   string
		values []string
	}{{"--go", x.goSpecs}, {"--arch", x.arch}, {"--libc", x.libc}} {
		for _, v := range l.values {
			out = append(out, l.flag, v)
		}
	}
	return append(out, "--pairs", x.pairs)
}

func (x *axes) selection() plan.Selection {
	return plan.Selection{DefaultGo: defaultGo, Go: x.goSpecs, Arch: x.arch, Libc: x.libc, Pairs: x.pairs}
}

// cells are the cells of all projects, in order, none twice.
func cells(sources []source, sel plan.Selection) ([]plan.Cell, error) {
	var all []plan.Cell
	for _, s := range sources {
		own, err := plan.Cells(s.Project, sel)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	plan.Sort(all)
	return all, plan.Distinct(all)
}
