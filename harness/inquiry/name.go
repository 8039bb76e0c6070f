package inquiry

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/build"
	"github.com/plugproof/plugproof/harness/vary"
	"github.com/plugproof/plugproof/verify/actions"
	"github.com/plugproof/plugproof/verify/cause"
)

const unknown = "unknown"

// suspects are the variations that are tried alone before the search divides: those that fit what differs when all are on.
func (w *work) suspects(seen *build.Built) (list []string, err error) {
	if seen.Failed != nil {
		return nil, nil
	}
	at := actions.Compare(w.control.Actions, seen.Actions)
	for _, r := range at.Roots {
		switch key := r.Key; {
		case key == "dir":
			list = append(list, vary.Path)
		case key == "GOROOT":
			list = append(list, vary.GoRoot)
		case key == "CC":
			list = append(list, vary.CC)
		case strings.HasPrefix(key, "modinfo build vcs"), strings.HasPrefix(key, "modinfo mod"):
			list = append(list, vary.VCSDirty, vary.VCSNone)
		case strings.HasPrefix(key, "modinfo dep"):
			list = append(list, vary.Vendor)
		case key == actions.Output:
			list = append(list, vary.Path)
		}
	}
	inputs, err := w.inputs(seen)
	if len(inputs) > 0 { // commands of the project's own most often look at these
		list = append(list, vary.HostName, vary.Path, vary.TimeZone, vary.UserName)
	}
	return list, err
}

// places are the variations of directories.
var places = []string{vary.Path, vary.Symlink, vary.Home, vary.GoPath, vary.TmpDir, vary.GoCache, vary.GoRoot, vary.ModCache, vary.ExecPath}

// of names what a variation is known to bring about where the go command itself says nothing else: the value of the variation is in the
// file. The others (locale, umask, parallelism, ...) have no name of their own, for how they enter is not known.
var of = map[string]string{vary.HostName: "embedded-host", vary.TimeZone: "embedded-time", vary.Clock: "embedded-time", vary.CC: "cc-identity",
	vary.VCSDirty: "vcs-stamp", vary.VCSNone: "vcs-stamp", vary.Vendor: "vendor-mode", vary.GoRoot: "build-path"}

func init() {
	for _, p := range places {
		if of[p] == "" {
			of[p] = "embedded-path"
		}
	}
}

// one is the name that all of these variations share, "" if they do not.
func one(on []string) string {
	id := ""
	for i, v := range on {
		if i > 0 && of[v] != id || of[v] == "" {
			return ""
		}
		id = of[v]
	}
	return id
}

// byInput names an input of the project that comes out differently.
func (w *work) byInput(on []string, at *actions.Attribution, in input, proven bool) Cause {
	c := first(at)
	c.Proven = proven
	how := ""
	if proven {
		how = "; with side a's, the hashes of both sides meet"
	}
	switch in.kind {
	case "file":
		c.ID, c.Input = "generated-input", "file "+in.name
		c.Evidence = fmt.Sprintf("%q comes out differently%s%s", in.name, where(on), how)
	case "env":
		k, text, _ := strings.Cut(in.name, "=")
		c.ID, c.Input = byValue(on, in, at, k), k
		c.Evidence = fmt.Sprintf("%s=%s in the environment comes out differently%s%s", k, text, where(on), how)
	default:
		name, _, _ := strings.Cut("-"+strings.TrimLeft(in.name, "-"), "=")
		c.ID, c.Input = byValue(on, in, at, name), name
		c.Evidence = fmt.Sprintf("%s comes out differently%s%s", in.name, where(on), how)
	}
	return c
}

// byValue names a flag or variable: by what it is for if it is not a place for arbitrary text, else by what is put there.
func byValue(on []string, in input, at *actions.Attribution, key string) string {
	byKey := map[string]string{"-tags": "build-tags", "-gcflags": "gcflags", "-asmflags": "gcflags", "-race": "race", "-cover": "cover", "GOAMD64": "goamd64", "GOARM": "goarm",
		"GOEXPERIMENT": "goexperiment", "CGO_CFLAGS": "cgo-flags", "CGO_CPPFLAGS": "cgo-flags", "CGO_CXXFLAGS": "cgo-flags", "CGO_LDFLAGS": "cgo-flags"}
	if id := byKey[key]; id != "" {
		return id
	}
	switch id := one(on); {
	case id != "" && id != "build-path":
		return id
	case id == "build-path":
		return "embedded-path"
	case timelike(in.a) && timelike(in.b):
		return "embedded-time"
	}
	if key == "-ldflags" {
		for _, r := range at.Roots {
			if id := cause.FromRoot(r); strings.HasPrefix(r.Key, "linkflags") && (id == "stripped" || id == "build-id") {
				return id
			}
		}
		return "ldflags"
	}
	return "generated-input"
}

// bySurroundings names a difference for which no input of the project's own accounts: what the go command says differs, else what the
// files show, else the variations themselves.
func (w *work) bySurroundings(on []string, at *actions.Attribution, seen *build.Built) []Cause {
	c := first(at)
	c.Proven = len(on) > 0
	how := ""
	if c.Proven {
		how = fmt.Sprintf("with %s set back on side b, the hashes of both sides meet", strings.Join(on, ", "))
	}
	say := func(text string) string {
		return strings.Join(slices.DeleteFunc([]string{text, how}, func(s string) bool { return s == "" }), "; ")
	}
	for _, k := range cause.FromActions(at) {
		if k.ID == unknown {
			continue
		}
		c.ID, c.Evidence, c.Guess = k.ID, say(k.Evidence), k.Guess
		switch id := one(on); {
		case k.ID == "source-edit": // both sides began with the same sources
			c.ID = "generated-input"
		case len(on) == 0 && k.ID == "ldflags" && looksLikeTime(at.First()):
			c.ID, c.Guess = "embedded-time", true
		case strings.HasPrefix(id, "embedded-") && (k.ID == "ldflags" || strings.HasPrefix(k.ID, "embedded-")): // of what it depends is better known than what it looks like
			c.ID, c.Guess = id, false
		}
		return []Cause{c}
	}
	diff := compare(w.control.Artifact, seen.Artifact)
	if id := one(on); id != "" {
		c.ID, c.Evidence = id, say("no input that the go command knows differs")
		if diff != nil { // what the files show is nearer, if it is of the same kind
			for _, k := range diff.Causes {
				if k.ID == id || k.ID == "build-path" && id == "embedded-path" || k.ID == "embedded-path" && id == "build-path" {
					c.ID, c.Evidence = k.ID, say(k.Evidence)
					break
				}
			}
		}
		return []Cause{c}
	}
	if diff != nil && len(on) == 0 {
		for _, k := range diff.Causes {
			if k.ID == "embedded-time" {
				c.ID, c.Evidence, c.Guess = k.ID, say("two builds in the same surroundings differ, and in the files it looks like a time"), true
				return []Cause{c}
			}
		}
	}
	c.ID, c.Proven = unknown, false
	text := "two builds in the same surroundings differ"
	if len(on) > 0 {
		text = "it depends on " + strings.Join(on, " and ")
	}
	if c.Action != "" {
		text += "; the first action that differs is " + c.Action
		if c.Input == actions.Output {
			text += ", whose inputs are equal and whose result is not"
		}
	}
	c.Evidence = say(text)
	return []Cause{c}
}

// first is a cause with what is known of the earliest action that differs.
func first(at *actions.Attribution) Cause {
	c := Cause{Cascade: at.Cascade}
	if r := at.First(); r != nil {
		c.Input = r.Key
		if len(r.Actions) > 0 {
			c.Action = r.Actions[0]
		}
	}
	return c
}

// where says in what surroundings.
func where(on []string) string {
	if len(on) == 0 {
		return " though the surroundings are the same"
	}
	return " with other " + strings.Join(on, " and ")
}

// times are values that a clock shows: seconds since 1970 (or their thousandths and so on) of this century, a clock's face, a date.
var times = regexp.MustCompile(`(^|[^0-9])([12][0-9]{9}([0-9]{3}|[0-9]{6}|[0-9]{9})?)($|[^0-9])|[0-2][0-9]:[0-5][0-9]|20[0-9]{2}-?[01][0-9]-?[0-3][0-9]|(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +`)

func timelike(s string) bool { return times.MatchString(s) }

// looksLikeTime reports whether both values of what differs look like a time.
func looksLikeTime(r *actions.Root) bool {
	return r != nil && r.A != nil && r.B != nil && timelike(*r.A) && timelike(*r.B)
}
