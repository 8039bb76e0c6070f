package cli

import (
	"debug/buildinfo"
	"strings"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/harness/worker"
	"github.com/plugproof/plugproof/results"
)

// shipped reads the arguments of --against: a digest, or a file, with the subject that it is of or without.
func (a *app) shipped(args []string, all []plan.Cell) (list []worker.Against, err error) {
	for _, arg := range args {
		subject, what := "", arg
		for _, name := range subjects(all) {
			if rest, ok := strings.CutPrefix(arg, name+"="); ok {
				subject, what = name, rest
			}
		}
		var s worker.Against
		if strings.HasPrefix(what, "sha256:") {
			digest, err := results.ParseDigest(what)
			if err != nil {
				return nil, usagef("write sha256: and 64 hexadecimal digits, or name the file", "--against %q: %w", arg, err)
			}
			s = worker.Against{Subject: subject, SHA256: digest}
		} else {
			if s, err = worker.ReadShipped(subject, a.path(what)); err != nil {
				return nil, usagef("name a file that was shipped, or its sha256:...", "--against %q: %w", arg, err)
			}
		}
		if s.Subject == "" {
			if s.Subject = subjectOf(s.File, all); s.Subject == "" {
				return nil, usagef("say whose it is: --against PLUGIN="+what+", one of "+strings.Join(subjects(all), ", "), "--against %q does not show of which host or plugin it is", arg)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// subjects are the names of what is built, each once.
func subjects(all []plan.Cell) (names []string) {
	seen := map[string]bool{}
	for _, c := range all {
		for _, j := range c.Jobs() {
			if j.Package != "" && !seen[j.Subject] {
				seen[j.Subject] = true
				names = append(names, j.Subject)
			}
		}
	}
	return names
}

// subjectOf finds whose a shipped file is: the only plugin's, or that of the package that the file says it was built from.
func subjectOf(file string, all []plan.Cell) string {
	var plugins []string
	for _, name := range subjects(all) {
		if name != "host" {
			plugins = append(plugins, name)
		}
	}
	var path string
	if info, err := buildinfo.ReadFile(file); err == nil {
		path = info.Path
	}
	for _, c := range all {
		for _, j := range c.Jobs() {
			pkg := strings.TrimPrefix(strings.TrimPrefix(j.Package, "./"), ".")
			if path != "" && pkg != "" && (path == pkg || strings.HasSuffix(path, "/"+pkg)) {
				return j.Subject
			}
		}
	}
	if len(plugins) == 1 {
		return plugins[0]
	}
	return ""
}
