package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/results/store"
)

// fixBuild is what a fix file holds: [build] as plugproof.toml has it.
type fixBuild struct {
	Flags []string          `toml:"flags"`
	Env   map[string]string `toml:"env,inline,omitempty"`
}

// writeFix writes what made pairs equal, as a [build] section, if one choice of flags and variables is enough for all of them.
func (a *app) writeFix(file string, c store.Contents) error {
	found := fixed(c)
	if len(found) == 0 {
		a.note("nothing was written to %s: no fix made a pair equal", file)
		return nil
	}
	var all fixBuild
	var texts, subjects []string
	for _, q := range found {
		for _, f := range q.Fix.Flags {
			if !slices.Contains(all.Flags, f) {
				all.Flags = append(all.Flags, f)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(q.Fix.Env)) {
			if k == "GOAMD64" || k == "GOARM" { // the architecture's, in every cell of it
				if !said(c, k) {
					continue
				}
			}
			if all.Env == nil {
				all.Env = map[string]string{}
			}
			all.Env[k] = q.Fix.Env[k]
		}
		if !slices.Contains(texts, q.Fix.Text) {
			texts = append(texts, q.Fix.Text)
		}
		if !slices.Contains(subjects, q.Subject) {
			subjects = append(subjects, q.Subject)
		}
	}
	for _, q := range found {
		if !slices.Equal(q.Fix.Flags, all.Flags) {
			return a.writeEach(file, found)
		}
	}
	text, err := toml.Marshal(map[string]fixBuild{"build": all})
	if err != nil {
		return fmt.Errorf("writing the fix file: %w", err)
	}
	head := fmt.Sprintf("# With these, pairs of builds came out equal: %s.\n# %s. It takes the place of [build] in plugproof.toml.\n", strings.Join(subjects, ", "), strings.Join(texts, "; "))
	return a.keepFix(file, printable(head)+string(text))
}

// writeEach writes one section for each host and plugin, where they need different flags. [build] must be empty then.
func (a *app) writeEach(file string, found []results.Inquiry) error {
	var out strings.Builder
	out.WriteString("# With these, pairs of builds came out equal. flags under [build] must be empty, for these are all flags of each.\n")
	done := map[string]bool{}
	for _, q := range found {
		if done[q.Subject] {
			continue
		}
		done[q.Subject] = true
		section := "[[plugin]]\npackage = " + fmt.Sprintf("%q", q.Subject)
		if q.Subject == "host" {
			section = "[host]"
		}
		text, err := toml.Marshal(fixBuild{q.Fix.Flags, q.Fix.Env})
		if err != nil {
			return fmt.Errorf("writing the fix file: %w", err)
		}
		fmt.Fprintf(&out, "\n# %s\n%s\n%s", printable(q.Fix.Text), printable(section), text)
	}
	return a.keepFix(file, out.String())
}

func (a *app) keepFix(file, text string) error {
	if err := os.WriteFile(a.path(file), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the fix file: %w", err)
	}
	fmt.Fprintf(a.env.Stderr, "plugproof: what made pairs equal is in %s\n", file)
	return nil
}

// said reports whether the project itself sets a variable in its cells.
func said(c store.Contents, name string) bool {
	return slices.ContainsFunc(c.Records, func(r results.Record) bool { _, ok := r.Cell.Env[name]; return ok })
}
