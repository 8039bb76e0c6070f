package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/results/report"
)

// columns is the width of the terminal that w is, or 0.
func (a *app) columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// terminal reports whether w is a terminal that understands control sequences.
func (a *app) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || a.getenv("TERM") == "dumb" || a.getenv("TERM") == "" {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// style is how text on stdout is laid out: as wide as the terminal and in colour if it is one, unbounded and plain
// otherwise. NO_COLOR: https://no-color.org.
func (a *app) style() report.Style {
	st := report.Style{Width: a.columns(a.env.Stdout), Colour: a.terminal(a.env.Stdout) && a.getenv("NO_COLOR") == ""}
	if st.Width == 0 {
		if n, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && n > 0 {
			st.Width = n
		}
	}
	return st
}
