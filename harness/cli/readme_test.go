package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plugproof/plugproof/fixtures"
	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/results"
)

// readmes are the pages that name commands, as paths from here.
func readmes(t *testing.T) []string {
	t.Helper()
	files := []string{"../../README.md"}
	for _, pattern := range []string{"../../*/README.md", "../../*/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 7 { // the root's and those of the six folders
		t.Fatalf("only %d pages: %q", len(files), files)
	}
	return files
}

// codeOf is what stands in fenced blocks, line by line, and in spans of code.
func codeOf(text string) []string {
	var code []string
	fenced := false
	span := regexp.MustCompile("`([^`]+)`")
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			before, _, _ := strings.Cut(line, " #")
			code = append(code, before)
		default:
			for _, m := range span.FindAllStringSubmatch(line, -1) {
				code = append(code, m[1])
			}
		}
	}
	return code
}

// TestPagesNameWhatExists holds each command, flag and make target that a README names against those that exist.
func TestPagesNameWhatExists(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	root := newRootCmd(&app{})
	root.InitDefaultHelpCmd()
	call := regexp.MustCompile(`(?:^|[\s/;&|(])plugproof((?:\s+[^\s;&|)]+)+)`)
	target := regexp.MustCompile(`(?:^|\s)make ([a-z]+)`)
	flag := regexp.MustCompile(`^--([a-z][a-z-]*)`)
	named := map[string]bool{}
	for _, file := range readmes(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codeOf(string(text)) {
			for _, m := range target.FindAllStringSubmatch(code, -1) {
				if !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s: the Makefile has no target %q: %s", file, m[1], code)
				}
			}
			for _, m := range call.FindAllStringSubmatch(code, -1) {
				words := strings.Fields(m[1])
				if words[0] == "NAME" {
					continue
				}
				cmd, _, err := root.Find(words)
				if err != nil || cmd == root || !cmd.Runnable() && !cmd.IsAdditionalHelpTopicCommand() {
					t.Errorf("%s: there is no such command: %s", file, code)
					continue
				}
				named[cmd.CommandPath()] = true
				for _, w := range words {
					if f := flag.FindStringSubmatch(w); f != nil && cmd.Flags().Lookup(f[1]) == nil && cmd.InheritedFlags().Lookup(f[1]) == nil {
						t.Errorf("%s: %s has no flag --%s: %s", file, cmd.CommandPath(), f[1], code)
					}
				}
			}
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.Runnable() && !named[cmd.CommandPath()] && cmd.Name() != "help" {
			t.Errorf("no README names %s", cmd.CommandPath())
		}
	}
}

// TestFixturesAreListed holds the table of fixtures/README.md against the fixtures: all are there, with what they expect.
func TestFixturesAreListed(t *testing.T) {
	text, err := os.ReadFile("../../fixtures/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fixtures.Names() {
		archive, err := fixtures.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.LoadArchive(archive, fixtures.Prefix+name)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := plan.Cells(p, plan.Selection{DefaultGo: defaultGo, Arch: []string{"amd64"}})
		if err != nil {
			t.Fatal(err)
		}
		var verdicts []string
		for _, pl := range cells[0].Plugins {
			verdicts = append(verdicts, pl.Expected)
		}
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\| [^|]+ \\| [^|]+ \\| " + strings.Join(verdicts, ", ") + " \\| [^|]+ \\|$")
		if !row.Match(text) {
			t.Errorf("fixtures/README.md has no row of %s that expects %s", name, strings.Join(verdicts, ", "))
		}
	}
}

// everyCommand calls f for each command that can be run, without the help's own.
func everyCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	if cmd.Runnable() && cmd.HasParent() && cmd.Name() != "help" {
		f(cmd)
	}
	for _, sub := range cmd.Commands() {
		everyCommand(sub, f)
	}
}

// TestEveryCommandExplainsItself asks for a line in the list, and for more than that line about the command and its flags.
func TestEveryCommandExplainsItself(t *testing.T) {
	everyCommand(newRootCmd(&app{}), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the line in the list is %q", name, cmd.Short)
		}
		if cmd.Long == "" && cmd.Example == "" {
			t.Errorf("%s has neither a longer explanation nor an example", name)
		}
		for _, line := range strings.Split(cmd.Long, "\n") {
			if len(line) > 120 {
				t.Errorf("%s: a line of %d characters: %s", name, len(line), line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing", name, f.Name)
			}
		})
	})
}

// TestEveryCommandHasASchema: what --json prints is described in results/NAME.schema.json.
func TestEveryCommandHasASchema(t *testing.T) {
	others := map[string]string{"rebuild": "verify"} // documents that are another command's
	everyCommand(newRootCmd(&app{}), func(cmd *cobra.Command) {
		switch cmd.CommandPath() {
		case "plugproof image", "plugproof kit", "plugproof xbps": // they only hold others
			return
		}
		kind := strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "plugproof "), " ", "-")
		if kind == "shell" { // it has no document, and says so
			return
		}
		if other, ok := others[kind]; ok {
			kind = other
		}
		if _, err := results.Schema(kind); err != nil {
			t.Errorf("%s: %v", cmd.CommandPath(), err)
		}
	})
}
