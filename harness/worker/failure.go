package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
)

// sight is a load as it was made.
type sight struct {
	cmd           guest.Command
	job           vm.Job
	out           *vm.Outcome
	kernel, image string // files that the machine booted
}

// The machine's files in the folder.
const (
	machineDir = "machine"
	kernelName = machineDir + "/kernel"
	imageName  = machineDir + "/image.cpio"
)

// machinesDir holds one copy of each machine that a failing cell of the run was loaded in; the folders have links to it.
const machinesDir = failuresDir + "/.machines"

// loadDir is the folder of a failing cell with all that it takes to make its load again on a desk.
const loadDir = "load"

// keepLoad keeps the cell's load beside its artifacts, which clean keeps: the files under the names that the guest saw them
// by, the machine, their digests, the transcript, the record, and a script that makes the load again and compares what it sees.
func (w *Worker) keepLoad(c *cell, rec *results.Record) error {
	fail := func(err error) error { return fmt.Errorf("keeping a load: %w", err) }
	if rec.Log == "" {
		if err := w.log(rec, c.sight.cmd, c.sight.out); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.dir, loadDir)
	var sums strings.Builder
	machine, err := w.keepMachine(c.sight, rec.Inputs)
	if err != nil {
		return fail(err)
	}
	c.machine = machine
	for _, f := range slices.Concat(c.sight.job.Files, machine) {
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := place(f.Source, to); err != nil {
			return fail(err)
		}
		d, err := shipped(to)
		if err != nil {
			return fail(err)
		}
		fmt.Fprintf(&sums, "%s  %s\n", d.sha256.Hex(), f.Name)
	}
	raw, err := json.MarshalIndent(rec.Normal(), "", "  ")
	if err != nil {
		return fail(err)
	}
	log, err := os.ReadFile(filepath.Join(w.Dir, filepath.FromSlash(rec.Log)))
	if err != nil {
		return fail(err)
	}
	for _, f := range []struct {
		name, text string
		perm       os.FileMode
	}{
		{"SHA256SUMS", sums.String(), 0o666}, {"record.json", string(raw) + "\n", 0o666}, {"transcript.txt", string(log), 0o666},
		{"seen.txt", c.seen(), 0o666}, {"repro", c.repro(rec.Inputs), 0o777},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), f.perm); err != nil {
			return fail(err)
		}
	}
	return nil
}

// keepMachine copies the kernel and the image that a load was made in, once for a run: a desk has other ones, and the cache's
// are not for everybody's hands.
func (w *Worker) keepMachine(s *sight, in results.Inputs) ([]rootfs.File, error) {
	w.shelf.keeping.Lock()
	defer w.shelf.keeping.Unlock()
	var files []rootfs.File
	for _, f := range []struct {
		name, from string
		digest     results.Digest
	}{{kernelName, s.kernel, in.Kernel}, {imageName, s.image, in.Image}} {
		to := filepath.Join(w.Dir, filepath.FromSlash(machinesDir), f.digest.Hex())
		if _, err := os.Stat(to); err != nil {
			if err := copyWhole(f.from, to); err != nil {
				return nil, err
			}
		}
		files = append(files, rootfs.File{Name: f.name, Source: to})
	}
	return files, nil
}

// copyWhole copies a file so that it is there whole or not at all.
func copyWhole(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", raw, 0o666); err != nil {
		os.Remove(to + ".new")
		return err
	}
	return os.Rename(to+".new", to)
}

// seen is what `plugproof load --brief` prints of the same load.
func (c *cell) seen() string {
	r := c.sight.out.Results[0]
	return Brief(c.sight.cmd.Args[1:], r)
}

// Brief says how a load ended in a few lines that hold nothing which may differ the next time: one for each plugin, with
// the paths that the guest was given, and one for the host.
func Brief(plugins []string, r vm.Result) string {
	var b strings.Builder
	for i, p := range r.Plugins {
		fmt.Fprintf(&b, "%s: %s %q\n", strings.TrimPrefix(plugins[i], guest.PayloadDir+"/"), p.Outcome, p.Error)
	}
	fmt.Fprintf(&b, "host: %s", r.Kind)
	switch r.Kind {
	case vm.Exited:
		fmt.Fprintf(&b, " %d", r.Exit)
	case vm.Signalled:
		fmt.Fprintf(&b, " %d", r.Signal)
	}
	b.WriteByte('\n')
	return b.String()
}

// repro is a script that makes the load again.
func (c *cell) repro(in results.Inputs) string {
	var b strings.Builder
	out := c.sight.out
	fmt.Fprintf(&b, `#!/bin/sh
# %s: makes this load again and compares it with what was seen (seen.txt).
# It takes a plugproof (PLUGPROOF names another one than that in PATH) and QEMU; the kernel and the image are here.
# Exit 1: it ends as it did then, in a cell that was not as expected, also where the host itself ends with 0. Exit 3: it ends in
# another way, or cannot be made.
# Then: Linux %s, QEMU %s, %s; kernel %s,
# image %s (%s).
cd "$(dirname "$0")" || exit 3
sha256sum --quiet -c SHA256SUMS || exit 3
plugproof=${PLUGPROOF:-plugproof}
`, oneLine(c.Cell.String()), out.Release, out.QEMU, out.Accelerator, in.Kernel, in.Image, in.ImageOrigin)
	args := []string{"load", "--brief", "--kernel", kernelName, "--image", imageName, fmt.Sprintf("--probe=%v", c.sight.cmd.Report)}
	for _, e := range c.sight.cmd.Env[len(BaseEnv):] {
		args = append(args, "--env", quote(e))
	}
	args = append(args, "./"+hostName)
	for _, p := range c.sight.cmd.Args[1:] {
		args = append(args, quote("."+strings.TrimPrefix(p, guest.PayloadDir)))
	}
	fmt.Fprintf(&b, "now=$(\"$plugproof\" %s)\n", strings.Join(args, " "))
	fmt.Fprintf(&b, `if [ -z "$now" ]; then # load prints what it sees whatever its verdict, and nothing where it sees nothing
	echo "repro: the load could not be made here; it was seen with QEMU %s" >&2
	exit 3
fi
printf '%%s\n' "$now"
if [ "$now" != "$(cat seen.txt)" ]; then
	echo 'repro: this is not what was seen then:' >&2
	cat seen.txt >&2
	exit 3
fi
exit 1 # what ended as it did then is not as expected
`, out.QEMU)
	return b.String()
}

// oneLine is a text without line breaks, fit for a comment.
func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
