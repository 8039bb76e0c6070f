package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Finding is what Doctor knows about one thing that plugproof needs.
type Finding struct {
	Name     string // "go", "C for musl on arm", "qemu-system-arm", "kernel-arm", ...
	Found    bool
	Optional bool   // nothing is lost but what Needed says
	Path     string // where it is; "" if it was not found
	Version  string // in its own words; "" if unknown
	Needed   string // what it is needed for
	Get      string // the command that brings it; "" if it was found
	Problem  string // why it does not count although something is there; "" if there is no problem
}

// tool is a program that Doctor looks for.
type tool struct {
	names    []string // any of them will do
	needed   string
	pkg      string // Debian's
	optional bool
}

var doctorTools = []tool{
	{[]string{"qemu-system-x86_64"}, "virtual machines of amd64", "qemu-system-x86", false},
	{[]string{"qemu-system-arm"}, "virtual machines of arm", "qemu-system-arm", false},
	{[]string{"qemu-arm-static", "qemu-arm"}, "arm programs without a machine (--backend user)", "qemu-user-static", true},
	{[]string{"git"}, "projects in git trees, and their version stamps", "git", false},
	{[]string{"faketime"}, "another date for C compilers, beside the seconds that pass between the sides", "faketime", true},
}

// doctorInputs are the directories beneath Cache/inputs, with the file that matters most in each.
var doctorInputs = []struct{ name, file, needed string }{
	{"kernel-amd64", "vmlinuz", "virtual machines of amd64"},
	{"kernel-arm", "vmlinuz", "virtual machines of arm"},
	{"musl-armhf", "lib/libc.so", "C for musl on arm, and the loader in arm machines"},
}

// goFloor is the oldest bootstrap Go that can fetch others, as "go1.21".
var goFloor = [2]int{1, 21}

// Doctor looks for everything that builds and machines need and says what it found, in a fixed order. It uses no network and
// changes nothing but its own cache. Which accelerator works is package vm's question. Only ctx's end is an error.
func (s *Store) Doctor(ctx context.Context) ([]Finding, error) {
	out := []Finding{s.doctorGo(ctx)}
	for _, r := range rows {
		out = append(out, s.doctorC(ctx, r))
	}
	for _, t := range doctorTools {
		out = append(out, s.doctorTool(ctx, t))
	}
	for _, in := range doctorInputs {
		f := Finding{Name: in.name, Needed: in.needed}
		dir := filepath.Join(s.Cache, "inputs", in.name)
		if exists(filepath.Join(dir, in.file)) {
			f.Found, f.Path, f.Version = true, dir, inputVersion(dir)
		} else {
			f.Get = "scripts/deps"
		}
		out = append(out, f)
	}
	return out, ctx.Err()
}

func (s *Store) doctorGo(ctx context.Context) Finding {
	f := Finding{Name: "go", Needed: "fetching and running Go toolchains", Get: "scripts/deps"}
	if s.Bootstrap == "" {
		return f
	}
	_, version, err := s.goEnv(ctx, false, s.Bootstrap, "local")
	if err != nil {
		f.Problem = err.Error()
		return f
	}
	f.Path, f.Version = s.Bootstrap, version
	var major, minor int
	if n, _ := fmt.Sscanf(version, "go%d.%d", &major, &minor); n == 2 && (major < goFloor[0] || major == goFloor[0] && minor < goFloor[1]) {
		f.Problem = fmt.Sprintf("it is older than go%d.%d, the first that fetches other releases", goFloor[0], goFloor[1])
		return f
	}
	f.Found, f.Get = true, ""
	return f
}

func (s *Store) doctorC(ctx context.Context, r row) Finding {
	f := Finding{Name: fmt.Sprintf("C for %s on %s", r.libc, r.arch), Needed: "hosts and plugins for " + r.arch, Get: "scripts/deps"}
	c, err := s.C(ctx, r.arch, r.libc, nil)
	if err != nil {
		f.Problem = err.Error()
		return f
	}
	f.Found, f.Version, f.Get = true, c.Banner, ""
	f.Path, _ = lookIn(c.Path, c.CC) // C has just found it there
	return f
}

func (s *Store) doctorTool(ctx context.Context, t tool) Finding {
	f := Finding{Name: t.names[0], Needed: t.needed, Optional: t.optional}
	dirs := s.Programs
	if dirs == nil {
		dirs = s.path()
	}
	for _, name := range t.names {
		path, err := lookIn(dirs, name)
		if err != nil {
			continue
		}
		f.Found, f.Path = true, path
		f.Version, err = toolVersion(ctx, dirs, path)
		if err != nil {
			f.Found, f.Problem = false, err.Error()
			continue
		}
		f.Problem = ""
		return f
	}
	f.Get = "apt-get install -y --no-install-recommends " + t.pkg
	return f
}

var versionWord = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// toolVersion is the first dotted number that a program prints when asked for its version, "" if there is none.
func toolVersion(ctx context.Context, dirs []string, path string) (string, error) {
	out, _, err := output(ctx, false, []string{"PATH=" + strings.Join(dirs, ":"), "LC_ALL=C"}, path, "--version")
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(out, "\n")
	return versionWord.FindString(line), nil
}

// maxManifest bounds an input's manifest, in bytes; scripts/deps writes less than 1,000.
const maxManifest = 1 << 16

// inputVersion reads an input's manifest.json: "linux-image-6.1.0-56-cloud-amd64 6.1.192-2", or "" if it has none.
func inputVersion(dir string) string {
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return ""
	}
	defer f.Close()
	var m struct {
		Packages []struct{ Name, Version string }
	}
	if json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&m) != nil || len(m.Packages) == 0 {
		return ""
	}
	last := m.Packages[len(m.Packages)-1]
	return last.Name + " " + last.Version
}
