package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plugproof/plugproof/results"
)

// CheckLink says why a kit takes no link at name that leads to target. It must be relative and clean, and stay below the first two
// folders of its own path, such as projects/NAME. No part lies below a link, so its folder is a real one; that and a target that goes
// up only at its beginning make the words true whatever other links there are.
func CheckLink(name, target string) error {
	if path.IsAbs(target) {
		return fmt.Errorf("it leads to the absolute path %q, which on another machine is something else", target)
	}
	if target == "" || len(target) > maxPath || !utf8.ValidString(target) || strings.ContainsFunc(target, unicode.IsControl) || strings.Contains(target, "\\") || path.Clean(target) != target {
		return fmt.Errorf("where it leads to is not written plainly: %q", target)
	}
	words := strings.SplitN(name, "/", 3)
	if len(words) < 3 || !strings.HasPrefix(path.Join(path.Dir(name), target)+"/", words[0]+"/"+words[1]+"/") {
		return fmt.Errorf("it leads out of its project, to %q", target)
	}
	return nil
}

// target is where a link leads to, checked.
func (k *Kit) target(ctx context.Context, p Part) (string, error) {
	var b bytes.Buffer
	if err := copyPart(ctx, &b, k.section(p), p, nil); err != nil {
		return "", err
	}
	if err := CheckLink(p.Path, b.String()); err != nil {
		return "", fmt.Errorf("%w: link %q: %w", ErrPart, p.Path, err)
	}
	return b.String(), nil
}

// checkLinks checks all links of the kit.
func (k *Kit) checkLinks(ctx context.Context) error {
	for _, p := range k.Manifest.Parts {
		if !p.Link || p.Held {
			continue
		}
		if _, err := k.target(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// placeLink makes a link beside its place and renames it.
func (k *Kit) placeLink(ctx context.Context, root *os.Root, p Part) error {
	to, err := k.target(ctx, p)
	if err != nil {
		return err
	}
	next := path.Join(path.Dir(p.Path), unfinished)
	if err := root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Symlink(to, next); err != nil {
		return err
	}
	if err := root.Rename(next, p.Path); err != nil {
		return errors.Join(err, root.Remove(next))
	}
	return nil
}

// rightLink reports whether the link is there as it should be.
func rightLink(root *os.Root, p Part) bool {
	to, err := root.Readlink(p.Path)
	return err == nil && results.DigestOf([]byte(to)) == p.SHA256
}

// folders refuses to write through a link that lies in the way of a part. seen are folders that were looked at.
func folders(root *os.Root, name string, seen map[string]bool) error {
	for i := range name {
		if name[i] != '/' || seen[name[:i]] {
			continue
		}
		if st, err := root.Lstat(name[:i]); err == nil && st.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%q is a link, and %q would be written through it: remove it", name[:i], name)
		}
		seen[name[:i]] = true
	}
	return nil
}
