package supply

import (
	"archive/tar"
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
	"strconv"
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
	debs, err := filepath.Glob(filepath.Join(cache, "tools", "*.deb"))
	if err != nil || len(debs) == 0 {
		return 0, err
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
	if old, err := os.ReadFile(filepath.Join(dir, ToolsMark)); err == nil && string(old) == list.String() {
		return len(debs), nil
	}
	tmp := dir + ".new"
	for _, d := range []string{tmp, dir} {
		if err := os.RemoveAll(d); err != nil {
			return 0, err
		}
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	for _, d := range []string{"proc", "dev", "sys", "tmp", "usr"} {
		if err := root.Mkdir(d, 0o755); err != nil {
			return 0, err
		}
	}
	for _, d := range merged {
		if err := errors.Join(root.Mkdir("usr/"+d, 0o755), root.Symlink("usr/"+d, d)); err != nil {
			return 0, err
		}
	}
	if err := expand(ctx, debs, func(r io.Reader) error { return unpackDeb(ctx, root, r) }); err != nil {
		return 0, err
	}
	if _, err := root.Lstat("usr/bin/sh"); errors.Is(err, fs.ErrNotExist) { // which dash's own script would make
		if err := root.Symlink("dash", "usr/bin/sh"); err != nil {
			return 0, err
		}
	}
	if err := kit.Settle(root); err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(tmp, ToolsMark), []byte(list.String()), 0o644); err != nil {
		return 0, err
	}
	return len(debs), os.Rename(tmp, dir)
}

// merged are the folders that lie in usr, as on every Debian since 12: musl's libc.so is shipped in /lib and found in /usr/lib.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// merge is where a package's file lies in a merged root; "" for what is there already.
func merge(name string) string {
	first, rest, deeper := strings.Cut(name, "/")
	if !slices.Contains(merged, first) {
		return name
	}
	if !deeper {
		return ""
	}
	return path.Join("usr", first, rest)
}

// data finds the archive of files in a Debian package: an ar archive (deb(5)) of debian-binary, control.tar.* and data.tar.*.
func data(r io.ReaderAt, size int64) (*io.SectionReader, error) {
	head := make([]byte, 60)
	if _, err := r.ReadAt(head[:8], 0); err != nil || string(head[:8]) != "!<arch>\n" {
		return nil, errors.New("it is no Debian package")
	}
	for at := int64(8); at+60 <= size; {
		if _, err := r.ReadAt(head, at); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(strings.TrimRight(string(head[48:58]), " "), 10, 64)
		if err != nil || n < 0 || n > size-at-60 {
			return nil, fmt.Errorf("a member at offset %d has no size that can be", at)
		}
		if strings.HasPrefix(string(head[:16]), "data.tar") {
			return io.NewSectionReader(r, at+60, n), nil
		}
		at += 60 + n + n%2
	}
	return nil, errors.New("it holds no data.tar")
}

func unpackDeb(ctx context.Context, root *os.Root, archive io.Reader) error {
	t := tar.NewReader(archive)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackEntry(root, h, t); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

// unpackEntry makes one entry. Nothing is set-user-id, and there are no devices: /dev is mounted.
func unpackEntry(root *os.Root, h *tar.Header, r io.Reader) error {
	name := path.Clean(strings.TrimPrefix(h.Name, "./"))
	if name == "." {
		return nil
	}
	if !fs.ValidPath(name) {
		return errors.New("it leaves the root")
	}
	if name = merge(name); name == "" {
		return nil
	}
	mode := fs.FileMode(h.Mode).Perm()
	if h.Typeflag != tar.TypeDir {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeReg:
		w, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, w.Chmod(mode), w.Close())
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(merge(path.Clean(strings.TrimPrefix(h.Linkname, "./"))), name)
	}
	return nil
}
