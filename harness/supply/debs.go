package supply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/proc"
	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/supply/kit"
)

// Tools are the Debian packages of a tool root: what scripts/deps installs, and what those need of a system. apt adds what
// they depend on.
var Tools = []string{
	"gcc", "libc6-dev", "musl-tools", "gcc-arm-linux-gnueabihf", "qemu-system-x86", "qemu-system-arm", "qemu-user-static", "git", "make", "xz-utils", "ca-certificates",
	"base-files", "bash", "coreutils", "dash", "diffutils", "findutils", "gawk", "grep", "gzip", "sed", "tar",
}

// FetchTools has apt download Tools and everything that they depend on into dir, as for a system on which nothing is installed. apt
// checks the packages' signatures; its lists must be there.
func FetchTools(ctx context.Context, dir string, env []string) ([]File, error) {
	status := filepath.Join(dir, "status")
	archives := filepath.Join(dir, "archives")
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(status, nil, 0o644); err != nil {
		return nil, err
	}
	args := []string{"-q", "-y", "--no-install-recommends", "--download-only", "-o", "Dir::State::status=" + status, "-o", "Dir::Cache::archives=" + archives,
		"-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=3"}
	if os.Geteuid() == 0 {
		args = append(args, "-o", "APT::Sandbox::User=root") // dir is not for the user _apt
	}
	var said bytes.Buffer
	res, err := proc.Run(ctx, proc.Cmd{Path: "apt-get", Args: append(append(args, "install"), Tools...), Dir: "/", Env: env, Network: true, Stdout: &said, Stderr: &said})
	if err != nil {
		return nil, fmt.Errorf("fetching the tools' packages: %w", err)
	}
	if !res.OK() {
		return nil, fmt.Errorf("fetching the tools' packages: apt-get: %s: %s", res, lastLine(said.String()))
	}
	files, err := Tree(Tool, archives, "tools", func(name string) bool { return path.Ext(name) == ".deb" && !strings.Contains(name, "/") })
	for i := range files {
		files[i].Exec = false
		files[i].Path = strings.ReplaceAll(files[i].Path, "%3a", "+epoch+")
	}
	return files, err
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// ToolRoot is where the tool root lies in a cache; ToolsMark, a file in it, says that it is whole.
const (
	ToolRoot  = "toolroot"
	ToolsMark = ".plugproof-tools"
)

// HasTools reports whether a cache has a whole tool root.
func HasTools(cache string) bool {
	st, err := os.Lstat(filepath.Join(cache, ToolRoot, ToolsMark))
	return err == nil && st.Mode().IsRegular()
}

// UnpackTools unpacks the packages of a cache into its tool root, without their scripts: nothing of them runs. It does nothing
// when the same ones were unpacked, or when there are none.
func UnpackTools(ctx context.Context, cache string) (int, error) {
	debs, err := fs.Glob(os.DirFS(cache), "tools/*.deb")
	if err != nil || len(debs) == 0 {
		return 0, err
	}
	for i, deb := range debs {
		debs[i] = filepath.Join(cache, filepath.FromSlash(deb))
	}
	release, err := lock(ctx, cache)
	if err != nil {
		return 0, err
	}
	defer release()
	slices.Sort(debs)
	var list strings.Builder
	for _, deb := range debs {
		f, err := os.Open(deb)
		if err != nil {
			return 0, err
		}
		d, _, err := results.DigestReader(f)
		f.Close()
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(&list, "%s %s\n", d, filepath.Base(deb))
	}
	dir := filepath.Join(cache, ToolRoot)
	for _, left := range []string{dir + making, dir + leaving} { // by one that was killed
		if err := os.RemoveAll(left); err != nil {
			return 0, err
		}
	}
	if old, err := os.ReadFile(filepath.Join(dir, ToolsMark)); err == nil && string(old) == list.String() {
		return len(debs), nil
	}
	if err := unpackTools(ctx, debs, dir, list.String()); err != nil {
		return 0, err
	}
	return len(debs), nil
}

// making and leaving end the names of a root that is not whole yet, and of one that was replaced.
const (
	making  = ".new"
	leaving = ".old"
)

// unpackTools makes a root beside dir and puts it into its place when it is whole: then only the one that was there goes. mark is
// written into it.
func unpackTools(ctx context.Context, debs []string, dir, mark string) (err error) {
	tmp := dir + making
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	r, err := os.OpenRoot(tmp)
	if err != nil {
		return err
	}
	defer r.Close()
	root := &toolRoot{r, maxTools}
	for _, d := range []string{"proc", "dev", "sys", "tmp", "usr"} {
		if err := root.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	for _, d := range merged {
		if err := errors.Join(root.Mkdir("usr/"+d, 0o755), root.Symlink("usr/"+d, d)); err != nil {
			return err
		}
	}
	if err := expand(ctx, debs, func(r io.Reader) error { return root.unpack(ctx, r) }); err != nil {
		return err
	}
	if _, err := root.Lstat("usr/bin/sh"); errors.Is(err, fs.ErrNotExist) { // which dash's own script would make
		if err := root.Symlink("dash", "usr/bin/sh"); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, ToolsMark), []byte(mark), 0o644); err != nil {
		return err
	}
	if err := kit.Settle(root.Root); err != nil {
		return err
	}
	if err := os.Rename(dir, dir+leaving); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	return os.RemoveAll(dir + leaving)
}
