// Package vary is the table of what can be made to differ between the two sides of a twin build, the grammar in which people choose from it,
// and the search for the smallest choice that makes a difference. It runs nothing: how a variation is brought about is harness/build's.
//
// The grammar is reprotest's: a comma-separated list that is read from left to right, starting from the default set.
//
//	+NAME         vary it
//	-NAME         do not
//	@NAME         vary it with the table's own value, whatever an earlier item said
//	NAME=VALUE    vary it, with another value on side B; for the rows that take one
//	+all -all @all, +default
//
// reprotest's own names (build_path, exec_path, num_cpus, ...) are understood for the rows that do the same.
package vary

import (
	"regexp"
	"slices"
)

// Variation is one row: something that differs between the sides when it is on. Side A, the control, always has A.
type Variation struct {
	Name    string
	Default bool   // part of the default set: what a correct build survives, and what costs nothing
	What    string // one line
	A, B    string // the values; empty where they depend on machine or project
	Changes string // why builds that are well may differ by it; "" if they must not
	value   *regexp.Regexp
	aliases []string // reprotest's names
}

// The rows that other packages name.
const (
	Path        = "path"
	Symlink     = "symlink"
	Home        = "home"
	GoPath      = "gopath"
	TmpDir      = "tmpdir"
	GoCache     = "gocache"
	Cold        = "cold"
	GoRoot      = "goroot"
	ModCache    = "modcache"
	CC          = "cc"
	ExecPath    = "exec-path"
	Environment = "environment"
	Time        = "time"
	Clock       = "clock"
	TimeZone    = "timezone"
	Locale      = "locale"
	Umask       = "umask"
	Parallelism = "parallelism"
	CPUs        = "cpus"
	HostName    = "host-name"
	UserName    = "user-name"
	User        = "user"
	VCSDirty    = "vcs-dirty"
	VCSNone     = "vcs-none"
	Vendor      = "vendor"
	Kernel      = "kernel"
	ASLR        = "aslr"
	FileOrder   = "file-order"
)

// table lists all rows, in the order in which they are shown. It has at most 64.
var table = []Variation{
	{Name: Path, Default: true, What: "the directory of the whole source tree", aliases: []string{"build_path"}},
	{Name: Symlink, What: "the source tree is entered through a symbolic link", A: "directly", B: "through a link"},
	{Name: Home, Default: true, What: "HOME"},
	{Name: GoPath, Default: true, What: "GOPATH"},
	{Name: TmpDir, Default: true, What: "TMPDIR"},
	{Name: GoCache, Default: true, What: "the directory of GOCACHE; what is in it is never shared in any case"},
	{Name: Cold, What: "side B begins with an empty build cache and compiles the standard library, too", A: "the side's own cache", B: "an empty one"},
	{Name: GoRoot, Default: true, What: "the directory of GOROOT"},
	{Name: ModCache, What: "the directory of GOMODCACHE"},
	{Name: CC, What: "how CC is spelled", A: "a name", B: "an absolute path", Changes: "the string in CC is part of the build ID (golang/go#77086)"},
	{Name: ExecPath, Default: true, What: "another directory at the end of PATH", aliases: []string{"exec_path"}},
	{Name: Environment, Default: true, What: "a variable that nothing should look at", A: "not set", B: "PLUGPROOF_CAPTURE_ENVIRONMENT"},
	{Name: Time, Default: true, What: "the second in which the side works", A: "first", B: "in a later second"},
	{Name: Clock, What: "the clock of programs that use the C library, by libfaketime", A: "the machine's", B: "+400d", value: regexp.MustCompile(`^[+-][0-9]{1,5}d$`)},
	{Name: TimeZone, Default: true, What: "TZ", A: "UTC", B: "Asia/Kolkata", value: regexp.MustCompile(`^[A-Za-z0-9_+:/-]{1,64}$`)},
	{Name: Locale, Default: true, What: "LANG and LC_ALL", A: "C.UTF-8", B: "tr_TR.UTF-8", value: regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,64}$`), aliases: []string{"locales"}},
	{Name: Umask, Default: true, What: "the umask", A: "022", B: "077", value: regexp.MustCompile(`^0?0[0-7][0-7]$`)},
	{Name: Parallelism, Default: true, What: "how many commands cmd/go runs at once", A: "go's own", B: "1", value: regexp.MustCompile(`^[1-9][0-9]?$`)},
	{Name: CPUs, What: "how many processors there are", A: "all", B: "one", aliases: []string{"num_cpus"}},
	{Name: HostName, Default: true, What: "the host's name", A: "control", B: "different.example", value: regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`), aliases: []string{"domain_host"}},
	{Name: UserName, Default: true, What: "USER and LOGNAME", A: "builder", B: "somebody", value: regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)},
	{Name: User, What: "the user and group id", A: "the caller's", B: "65534", aliases: []string{"user_group"}},
	{Name: VCSDirty, What: "an untracked file lies in the repository", A: "as it is", B: "with an untracked file", Changes: "-buildvcs stamps the state"},
	{Name: VCSNone, What: "the repository's own directory is missing, as in a source archive", A: "as it is", B: "without", Changes: "-buildvcs stamps the commit"},
	{Name: Vendor, What: "modules come from a vendor directory instead of the module cache, or the other way round", Changes: "build information has no module sums in vendor mode"},
	{Name: Kernel, What: "what uname -r says", A: "the machine's", B: "2.6 by setarch"},
	{Name: ASLR, What: "whether addresses are randomised", A: "randomised", B: "fixed by setarch"},
	{Name: FileOrder, What: "the order in which directories list their files", aliases: []string{"fileordering"}},
}

// All lists the rows in the table's order.
func All() []Variation { return slices.Clone(table) }

// Lookup finds a row by its name or by reprotest's.
func Lookup(name string) (Variation, bool) {
	i := index(name)
	if i < 0 {
		return Variation{}, false
	}
	return table[i], true
}

func index(name string) int {
	return slices.IndexFunc(table, func(v Variation) bool { return v.Name == name || slices.Contains(v.aliases, name) })
}

// TakesValue reports whether side B's value can be chosen.
func (v Variation) TakesValue() bool { return v.value != nil }
