package cli

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/xbps"
)

func newXbpsCmpverCmd(a *app) *cobra.Command {
	return a.pairCmd("cmpver A B", "Compare two versions as xbps does",
		`Print -1, 0 or 1: version A is older than, equal to or newer than B, as xbps orders them.`,
		func(x, y string) int { return xbps.CompareVersions(x, y) })
}

func newXbpsPkgmatchCmd(a *app) *cobra.Command {
	return a.pairCmd("pkgmatch PKGVER PATTERN", "Match a package against a pattern as xbps does",
		`Print 1 if the package version matches the pattern as xbps decides it, 0 if not.`,
		func(x, y string) int {
			if xbps.Match(x, y) {
				return 1
			}
			return 0
		})
}

// xbpsPairDoc is the document of `xbps cmpver --json` and `xbps pkgmatch --json`.
type xbpsPairDoc struct {
	Schema string `json:"schema"`
	A      string `json:"a"`
	B      string `json:"b"`
	Answer int    `json:"answer"`
}

// xbpsTableDoc is what they print for a table.
type xbpsTableDoc struct {
	Schema string        `json:"schema"`
	Right  int           `json:"right"`
	Wrong  []xbpsPairDoc `json:"wrong"`
}

// pairCmd makes a command that answers for two arguments, or holds a table of answers against its own.
func (a *app) pairCmd(use, short, long string, answer func(x, y string) int) *cobra.Command {
	var table string
	name, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: long + `
With --table, FILE holds three columns separated by tabs, the third the right answer; wrong rows are printed, then
a line "N right, M wrong". Exit 1 if a row is wrong.`,
		Args: func(_ *cobra.Command, args []string) error {
			if want := 2; table == "" && len(args) != want {
				return fmt.Errorf("xbps %s takes two arguments, not %d", name, len(args))
			} else if table != "" && len(args) > 0 {
				return fmt.Errorf("xbps %s --table takes no arguments", name)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := "plugproof/xbps-" + name + "/v1"
			if table != "" {
				return a.pairTable(schema, a.path(table), answer)
			}
			n := answer(args[0], args[1])
			if a.json {
				return a.printJSON(xbpsPairDoc{schema, args[0], args[1], n})
			}
			return a.print(strconv.Itoa(n) + "\n")
		},
	}
	cmd.Flags().StringVar(&table, "table", "", "check the answers in `FILE`")
	return cmd
}

func (a *app) pairTable(schema, file string, answer func(x, y string) int) error {
	f, err := os.Open(file)
	if err != nil {
		return usagef("give --table a file with three columns", "%w", err)
	}
	defer f.Close()
	doc := xbpsTableDoc{Schema: schema, Wrong: []xbpsPairDoc{}}
	var text strings.Builder
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "\t")
		want, err := strconv.Atoi(col[len(col)-1])
		if len(col) != 3 || err != nil {
			return usagef("want A, tab, B, tab, a number", "%q, line %d: %q", file, n, line)
		}
		got := answer(col[0], col[1])
		if got == want {
			doc.Right++
			continue
		}
		doc.Wrong = append(doc.Wrong, xbpsPairDoc{schema, col[0], col[1], got})
		fmt.Fprintf(&text, "%s %s: %d, the table says %d\n", col[0], col[1], got, want)
	}
	if err := lines.Err(); err != nil {
		return usagef("want A, tab, B, tab, a number", "%q: %w", file, err)
	}
	if a.json {
		err = a.printJSON(doc)
	} else {
		fmt.Fprintf(&text, "%d right, %d wrong\n", doc.Right, len(doc.Wrong))
		err = a.print(text.String())
	}
	if err == nil && len(doc.Wrong) > 0 {
		err = verdict(ExitFinding)
	}
	return err
}
