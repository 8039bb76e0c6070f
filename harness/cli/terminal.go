package cli

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/results/report"
)

// style is how text on stdout is laid out: as wide as the terminal and in colour if it is one, unbounded and plain
// otherwise. NO_COLOR: https://no-color.org.
func (a *app) style() report.Style {
	var st report.Style
	f, ok := a.env.Stdout.(*os.File)
	if ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			st.Width = int(size.Col)
			st.Colour = a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
		}
	}
	if st.Width == 0 {
		if n, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && n > 0 {
			st.Width = n
		}
	}
	return st
}
