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
	cmd   guest.Command
	job   vm.Job
	out   *vm.Outcome
	image string // file of the image that the machine booted, if it is not the default one, which every desk can make
}

// imageName is the image's file in the folder.
const imageName = "image.cpio"

// loadDir is the folder of a failing cell with all that it takes to make its load again on a desk.
const loadDir = "load"

// keepLoad keeps the cell's load beside its artifacts, which clean keeps: the files under the names that the guest saw them
// by, their digests, the transcript, the record, and a script that makes the load again and compares what it sees.
func (w *Worker) keepLoad(c *cell, rec *results.Record) error {
	fail := func(err error) error { return fmt.Errorf("keeping a load: %w", err) }
	if rec.Log == "" {
		if err := w.log(rec, c.sight.cmd, c.sight.out); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.dir, loadDir)
	var sums strings.Builder
	files := c.sight.job.Files
	if c.sight.image != "" {
		files = append(slices.Clone(files), rootfs.File{Name: imageName, Source: c.sight.image})
	}
	for _, f := range files {
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
# Then: Linux %s, QEMU %s, %s; kernel %s,
# image %s (%s). PLUGPROOF names another plugproof than the one in PATH.
cd "$(dirname "$0")" || exit 3
sha256sum --quiet -c SHA256SUMS || exit 3
plugproof=${PLUGPROOF:-plugproof}
`, oneLine(c.Cell.String()), out.Release, out.QEMU, out.Accelerator, in.Kernel, in.Image, in.ImageOrigin)
	args := []string{"load", "--brief"}
	if c.sight.image != "" {
		args = append(args, "--image", imageName)
	}
	for _, e := range c.sight.cmd.Env[len(BaseEnv):] {
		args = append(args, "--env", quote(e))
	}
	args = append(args, "./"+hostName)
	for _, p := range c.sight.cmd.Args[1:] {
		args = append(args, quote("."+strings.TrimPrefix(p, guest.PayloadDir)))
	}
	fmt.Fprintf(&b, "now=$(\"$plugproof\" %s)\nstatus=$?\n", strings.Join(args, " "))
	b.WriteString(`printf '%s\n' "$now"
if [ "$now" != "$(cat seen.txt)" ]; then
	echo 'repro: this is not what was seen then:' >&2
	cat seen.txt >&2
	exit 3
fi
exit $status
`)
	return b.String()
}

// oneLine is a text without line breaks, fit for a comment.
func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
