package build

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/vary"
)

// surroundings are what a side works in. The control's are what a careful person would set; each variation that is on changes one of them.
// Where there are mounts all directories are seen at places that stay the same from run to run, so that equal surroundings are equal bytes.
type surroundings struct {
	on       vary.Set          // what is really varied
	cannot   map[string]string // what was asked for and is not possible here, with the reason
	src      string            // the copied tree
	link     string            // a symbolic link to src by which it is entered; "" for none
	home     string
	gopath   string
	tmp      string
	out      string
	gocache  string
	goroot   string
	modcache string
	cc       string // CC
	path     string // PATH without the toolchains'
	noise    bool
	zone     string
	locale   string
	user     string
	hostname string
	umask    int
	parallel string   // of go build -p; "" is go's own choice
	clock    string   // of libfaketime; "" is none
	prefix   []string // commands before each command
	later    bool     // in a later second than the control
	vendor   string   // "", "vendor" or "mod"
}

// The places where a side's directories are seen, beneath Builder.Cache; the varied one is longer and deeper.
const (
	controlPlace = "at/a"
	variedPlace  = "at/b/rebuilt/somewhere/else"
	linkPlace    = "at/b/rebuilt/by/a/link"
)

const systemPath = "/usr/local/bin:/usr/bin:/bin"

// surround works out the surroundings of a side whose private directory is root and whose build cache is stored at store.
func (b *Builder) surround(j Job, on vary.Set, root, store string) surroundings {
	mount := b.isolation().Mount
	w := surroundings{on: on, cannot: b.impossible(j, on)}
	for name := range w.cannot {
		w.on = w.on.Without(name)
	}
	place := func(name string) string {
		if w.on.Has(name) {
			return filepath.Join(b.Cache, filepath.FromSlash(variedPlace))
		}
		return filepath.Join(b.Cache, filepath.FromSlash(controlPlace))
	}
	value := func(name, control string) string {
		if w.on.Has(name) {
			return w.on.Value(name)
		}
		return control
	}
	key := j.Tree.key()
	w.src = filepath.Join(place(vary.Path), key, "src")
	w.home, w.gopath, w.tmp = filepath.Join(place(vary.Home), key, "home"), filepath.Join(place(vary.GoPath), key, "gopath"), filepath.Join(place(vary.TmpDir), key, "tmp")
	w.out, w.gocache = filepath.Join(b.Cache, filepath.FromSlash(controlPlace), key, "out"), filepath.Join(place(vary.GoCache), "gocache")
	w.goroot, w.modcache = j.Go.GOROOT, b.ModCache
	if w.on.Has(vary.GoRoot) {
		w.goroot = filepath.Join(b.Cache, filepath.FromSlash(variedPlace), "go", j.Go.Digest.Short())
	}
	if w.on.Has(vary.ModCache) {
		w.modcache = filepath.Join(b.Cache, filepath.FromSlash(variedPlace), "modules")
	}
	if !mount {
		w.home, w.gopath, w.tmp, w.out, w.gocache = filepath.Join(root, "home"), filepath.Join(root, "gopath"), filepath.Join(root, "tmp"), filepath.Join(root, "out"), store
		if w.on.Has(vary.GoRoot) {
			w.goroot = filepath.Join(root, "go")
		}
	}
	if w.on.Has(vary.Symlink) {
		w.link = filepath.Join(b.Cache, filepath.FromSlash(linkPlace), key+"-"+map[bool]string{false: "a", true: "b"}[w.on.Has(vary.Path)])
	}
	if w.cc = j.C.CC; w.on.Has(vary.CC) {
		w.cc, _ = otherSpelling(j)
	}
	if w.path = systemPath; w.on.Has(vary.ExecPath) {
		w.path += ":/plugproof/captures/the/path"
	}
	w.noise = w.on.Has(vary.Environment)
	w.zone, w.locale = value(vary.TimeZone, "UTC"), value(vary.Locale, "C.UTF-8")
	w.user, w.hostname = value(vary.UserName, "builder"), value(vary.HostName, "control")
	fmt.Sscanf(value(vary.Umask, "022"), "%o", &w.umask)
	w.parallel, w.clock = value(vary.Parallelism, ""), value(vary.Clock, "")
	w.later = w.on.Has(vary.Time)
	if w.on.Has(vary.Vendor) {
		w.vendor, _ = otherModules(j)
	}
	w.prefix = prefixes(w.on)
	return w
}

// prefixes are the commands that bring about what only a system call before the start can.
func prefixes(on vary.Set) (argv []string) {
	if on.Has(vary.CPUs) {
		argv = append(argv, "/usr/bin/taskset", "-c", fmt.Sprint(firstCPU()))
	}
	if on.Has(vary.Kernel) || on.Has(vary.ASLR) {
		argv = append(argv, "/usr/bin/setarch")
		if on.Has(vary.Kernel) {
			argv = append(argv, "--uname-2.6")
		}
		if on.Has(vary.ASLR) {
			argv = append(argv, "-R")
		}
	}
	return argv
}

// impossible says which of the variations asked for cannot be brought about, and why.
func (b *Builder) impossible(j Job, on vary.Set) map[string]string {
	not := map[string]string{}
	no := func(name, format string, args ...any) {
		if on.Has(name) {
			not[name] = fmt.Sprintf(format, args...)
		}
	}
	iso := b.isolation()
	if !iso.UTS {
		no(vary.HostName, "no UTS namespace here")
	}
	if !iso.Mount {
		no(vary.ModCache, "no mount namespace here")
		no(vary.Symlink, "no mount namespace here")
	}
	if firstCPU() < 0 || !executable("/usr/bin/taskset") {
		no(vary.CPUs, "there is one processor only, or no taskset (util-linux)")
	}
	for _, name := range []string{vary.Kernel, vary.ASLR} {
		if !executable("/usr/bin/setarch") {
			no(name, "there is no setarch (util-linux)")
		} else if !allowed(name) {
			no(name, "the system does not allow setarch here")
		}
	}
	if faketime() == "" {
		no(vary.Clock, "libfaketime is not installed (package faketime)")
	}
	if _, why := otherSpelling(j); why != "" {
		no(vary.CC, "%s", why)
	}
	if _, why := otherModules(j); why != "" {
		no(vary.Vendor, "%s", why)
	}
	if !j.Tree.VCS {
		no(vary.VCSDirty, "the project is in no repository")
		no(vary.VCSNone, "the project is in no repository")
	}
	no(vary.User, "it would need a user of its own for the build")
	no(vary.FileOrder, "it would need a file system that shuffles, such as disorderfs")
	return not
}

// otherSpelling is CC by an absolute path, or why there is none.
func otherSpelling(j Job) (cc, why string) {
	name, rest, _ := strings.Cut(j.C.CC, " ")
	if strings.Contains(name, "/") {
		return "", "CC is an absolute path already"
	}
	for _, dir := range append(slices.Clone(j.C.Path), filepath.SplitList(systemPath)...) {
		if full := filepath.Join(dir, name); name != "" && executable(full) {
			return strings.TrimSpace(full + " " + rest), ""
		}
	}
	return "", "the C compiler is not found by its name"
}

// otherModules is the value of -mod that the project does not use, or why there is none.
func otherModules(j Job) (mode, why string) {
	root, ok := upward(filepath.Join(j.Tree.Base, filepath.FromSlash(path.Join(j.Tree.Project, j.Dir))), "go.mod")
	switch {
	case j.Version != "":
		return "", "the package is built at a version"
	case j.Tree.Work:
		return "", "the project has a go.work"
	case !ok:
		return "", "there is no go.mod"
	case len(j.Command) > 0:
		return "", "the project builds by a command of its own"
	case slices.ContainsFunc(j.Flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "mod=") }):
		return "", "the project chooses -mod itself"
	}
	if _, err := os.Stat(filepath.Join(root, "vendor", "modules.txt")); err == nil {
		return "mod", ""
	}
	if requires(filepath.Join(root, "go.mod")) == 0 {
		return "", "the module requires no other"
	}
	return "vendor", ""
}

// firstCPU is a processor that this process may use, -1 if it is the only one.
func firstCPU() int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil || set.Count() < 2 {
		return -1
	}
	for i := range 1024 {
		if set.IsSet(i) {
			return i
		}
	}
	return -1
}

func executable(file string) bool {
	st, err := os.Stat(file)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// faketime is the library, or "".
func faketime() string {
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// allowed reports whether setarch works for a variation: containers often forbid it.
func allowed(name string) bool { return setarch[name]() }

var setarch = map[string]func() bool{vary.Kernel: tried(vary.Kernel), vary.ASLR: tried(vary.ASLR)}

func tried(name string) func() bool {
	return sync.OnceValue(func() bool {
		argv := append(prefixes(vary.Of(name)), "/bin/true")
		res, err := proc.Run(probeContext, proc.Cmd{Path: argv[0], Args: argv[1:]})
		return err == nil && res.OK()
	})
}
