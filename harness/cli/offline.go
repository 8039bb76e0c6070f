package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/harness/supply"
	"github.com/plugproof/plugproof/results/store"
)

// offline is the proof that nothing reaches out: this process lives in a network namespace whose only interface is lo, and the
// kernel counts what it could not route.
type offline struct {
	before uint64
	words  map[string]string // for records
}

// goOffline returns the proof, if this process can give it. Else it runs the same command in a network namespace of its own,
// in the tool root of the cache if a kit brought one, and ran is true: err is how that ended. outputs are the
// folders that the command will write to, absolute.
func (a *app) goOffline(ctx context.Context, outputs ...string) (o *offline, ran bool, err error) {
	names, err := interfaces()
	if err != nil {
		return nil, false, incompletef("is /proc mounted?", "%w", err)
	}
	cache, err := a.openCache()
	if err != nil {
		return nil, false, err
	}
	_, err = os.Stat(filepath.Join("/", supply.ToolsMark))
	inside := err == nil
	if slices.Equal(names, []string{"lo"}) && (inside || !supply.HasTools(cache)) {
		o := &offline{words: map[string]string{"offline": "proved: the only network interface is lo"}}
		if inside {
			o.words["tools"] = "kit"
		}
		o.before, err = unroutable()
		return o, false, err
	}
	iso := proc.Isolation()
	if !iso.Network {
		return nil, false, incompletef("run as root, or allow user namespaces; or run it where there is no interface but lo", "a network namespace cannot be made here (%s)", iso.Why)
	}
	cmd := proc.Cmd{Path: "/proc/self/exe", Args: a.env.Args, Dir: a.env.Dir, Env: a.env.Environ, Stdin: a.env.Stdin, Stdout: a.env.Stdout, Stderr: a.env.Stderr}
	if supply.HasTools(cache) {
		if cmd.Root, cmd.Binds, err = toolRoot(cache, outputs); err != nil {
			return nil, false, err
		}
		cmd.Env = withEnv(cmd.Env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PLUGPROOF_CACHE="+cache)
		a.note("working in the kit's tool root")
	}
	code, err := runInterruptible(ctx, cmd)
	if err != nil {
		return nil, false, err
	}
	return nil, true, verdict(code)
}

// outputs are the folders that a verify will write to, absolute.
func (a *app) outputs(f verifyFlags) []string {
	var out []string
	for _, name := range []string{f.out, f.keep} {
		if name != "" {
			out = append(out, a.path(name))
		}
	}
	if f.junit != "" {
		out = append(out, filepath.Dir(a.path(f.junit)))
	}
	if f.out == "" && f.resume == "" {
		out = append(out, store.Dir(a.dir))
	}
	return out
}

// grace is how long an interrupted child may take to put things in order.
const grace = 20 * time.Second

// runInterruptible passes an interrupt on to the child, which ends by itself.
func runInterruptible(ctx context.Context, cmd proc.Cmd) (int, error) {
	p, err := proc.Start(context.WithoutCancel(ctx), cmd)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() {
		if p.Signal(syscall.SIGINT) == nil {
			time.AfterFunc(grace, p.Kill)
		}
	})
	defer stop()
	res, err := p.Wait()
	if err != nil {
		return 0, err
	}
	return res.ExitCode, nil
}

// systemDirs are what a tool root has of its own; everything else of this machine's root is seen in it, too.
var systemDirs = []string{"bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "lost+found", "proc", "sbin", "usr", "initrd.img", "vmlinuz"}

// toolRoot prepares the cache's tool root: the user's files are bound into it at their own paths, and so are the folders in / that
// outputs lie in, which are made if need be.
func toolRoot(cache string, outputs []string) (root string, binds []proc.Bind, err error) {
	for _, dir := range systemDirs {
		if strings.HasPrefix(cache, "/"+dir+"/") {
			return "", nil, usagef("unpack it elsewhere: PLUGPROOF_CACHE", "a kit's tool root cannot be used from %q", cache)
		}
		for _, out := range outputs {
			if strings.HasPrefix(out, "/"+dir+"/") {
				return "", nil, usagef("write it elsewhere: --out, -C", "%q lies where a kit's tool root has files of its own", out)
			}
		}
	}
	for _, out := range outputs {
		first, _, _ := strings.Cut(strings.TrimPrefix(out, "/"), "/")
		if first == "" {
			return "", nil, usagef("write it into a folder", "the root is a kit's tool root, and what is written there is lost")
		}
		if err := os.Mkdir("/"+first, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", nil, err
		}
	}
	root = filepath.Join(cache, supply.ToolRoot)
	entries, err := os.ReadDir("/")
	if err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		from, to := filepath.Join("/", e.Name()), filepath.Join(root, e.Name())
		if slices.Contains(systemDirs, e.Name()) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		st, err := os.Lstat(from)
		switch {
		case err != nil:
			continue
		case st.IsDir():
			err = os.MkdirAll(to, 0o755)
		case st.Mode().IsRegular():
			err = os.WriteFile(to, nil, 0o644) // a place to bind the file on
		default:
			continue
		}
		if err != nil {
			return "", nil, err
		}
		binds = append(binds, proc.Bind{From: from, To: to})
	}
	return root, binds, nil
}

// interfaces are the network interfaces of this network namespace, from /proc/net/dev (proc_pid_net(5)).
func interfaces() ([]string, error) {
	data, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out, nil
}

// unroutable is how often something in this network namespace wanted to go where no route leads: OutNoRoutes of IPv4 and IPv6
// (RFC 4293, ipSystemStatsOutNoRoutes; /proc/net/snmp and snmp6).
func unroutable() (uint64, error) {
	var n uint64
	data, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		return 0, fmt.Errorf("counting what could not be routed: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "Ip:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		if i := slices.Index(names, "OutNoRoutes"); i >= 0 && i < len(words) {
			v, err := strconv.ParseUint(words[i], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("counting what could not be routed: %w", err)
			}
			n += v
		}
	}
	six, err := os.ReadFile("/proc/self/net/snmp6")
	if err != nil {
		return n, nil // no IPv6
	}
	for line := range strings.Lines(string(six)) {
		if w := strings.Fields(line); len(w) == 2 && w[0] == "Ip6OutNoRoutes" {
			v, err := strconv.ParseUint(w[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("counting what could not be routed: %w", err)
			}
			n += v
		}
	}
	return n, nil
}

// check is an error if something tried to reach out since the proof was made.
func (o *offline) check() error {
	if o == nil {
		return nil
	}
	now, err := unroutable()
	if err != nil {
		return err
	}
	if now > o.before {
		return &Error{Code: ExitFinding, Err: fmt.Errorf("something tried to reach out %d times", now-o.before), Hint: "it could not, and what it wanted is missing: look at what the builds run"}
	}
	return nil
}
