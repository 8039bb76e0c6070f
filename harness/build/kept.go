package build

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plugproof/plugproof/results"
)

// A side keeps what it linked last for each job in its own build cache, whose name carries Go's and the whole C toolchain's digests, and puts
// it where the next link will write: cmd/go then says by itself, from the contents of all that goes in, whether it is up to date. Without
// that a build of which nothing has changed links everything anew.
//
// It is not done where cmd/go does not know all that a link reads: with cgo outside the standard library, and with flags for the external
// linker. Nor where something else than go build is at work, or surroundings or inputs that are not the side's usual ones.
type kept struct {
	dir  string
	key  string
	note keptNote // of what is there; the zero value if nothing is
}

// keptNote stands beside a kept file and is written after it.
type keptNote struct {
	SHA256  results.Digest `json:"sha256"`
	CgoFree results.Digest `json:"cgo_free"` // of the sources and flags for which no package outside the standard library was found to use cgo
	// Of a probe:
	Sources  results.Digest `json:"sources,omitempty"`
	Packages []string       `json:"packages,omitempty"`
	Types    TypeReport     `json:"types,omitempty"`
}

const (
	keptDir  = "kept"
	keptMax  = 128     // files in one build cache
	keptNear = 1 << 20 // bytes of a note that is read
)

// keeps returns the place of the job's last link, or nil if it is not to be used.
func (s *side) keeps(ctx context.Context, what, pkg string) *kept {
	j := s.job
	sources, err := j.Tree.Sources() // which also looks for cgo
	switch {
	case err != nil, !s.b.isolation().Mount:
		return nil
	case s.set.cache != "", s.set.hashes != nil, s.set.graph != "", s.set.given != nil, !s.set.on.Equal(Job{}.usual(s.name).on), s.w.vendor != "":
		return nil
	case j.Version != "", len(j.Command) > 0, len(j.Before) > 0, len(j.Tree.Fixed) > 0, j.Tree.cgo, strings.HasPrefix(s.cache, s.root):
		return nil
	}
	for _, text := range append(slices.Clone(j.Flags), s.env["GOFLAGS"], s.env["CGO_LDFLAGS"]) {
		if strings.Contains(text, "extld") || strings.Contains(text, "-linkmode") || strings.Contains(text, "-toolexec") {
			return nil
		}
	}
	if s.env["CGO_LDFLAGS"] != "" {
		return nil
	}
	b, err := results.Canonical([]any{what, j.Plugin, s.dir, pkg, j.Arch, j.Flags, s.environ(nil)})
	if err != nil {
		return nil
	}
	k := &kept{dir: filepath.Join(s.cache, keptDir), key: results.DigestOf(b).Hex()[:32]}
	k.note = k.read()
	free := results.DigestOf([]byte(string(sources) + string(b)))
	if k.note.SHA256 != "" && k.note.CgoFree != free {
		if !s.alone() && !s.cgoFree(ctx, pkg) {
			k.drop()
			return nil
		}
		k.note.CgoFree = free
		k.write()
	}
	return k
}

// alone reports whether the project's module needs no other, so that all its sources were searched for cgo.
func (s *side) alone() bool {
	t := s.job.Tree
	root, ok := upward(filepath.Join(t.Base, filepath.FromSlash(path.Join(t.Project, s.job.Dir))), "go.mod")
	return ok && !t.Work && requires(filepath.Join(root, "go.mod")) == 0
}

// cgoFree asks cmd/go whether a package outside the standard library uses cgo or brings objects along.
func (s *side) cgoFree(ctx context.Context, pkg string) bool {
	text, failed, err := s.list(ctx, pkg, "-deps", "-f", `{{if not .Standard}}{{if or .CgoFiles .SwigFiles .SwigCXXFiles .SysoFiles}}{{.ImportPath}}{{end}}{{end}}`)
	return failed == nil && err == nil && strings.TrimSpace(text) == ""
}

// from reports whether what is kept is a probe of these sources.
func (k *kept) from(t *Tree) bool {
	if k == nil || k.note.SHA256 == "" || k.note.Sources == "" {
		return false
	}
	d, err := t.Sources()
	return err == nil && d == k.note.Sources
}

// probeVersion names what this plugproof puts into a probe.
var probeVersion = sync.OnceValue(func() string {
	var all string
	for _, types := range []TypeReport{FullTypes, ShortTypes} {
		all += probeSource(types, true) + probeSource(types, false)
	}
	return results.DigestOf([]byte(all)).Short()
})

func (k *kept) file(d results.Digest) string { return filepath.Join(k.dir, k.key+"-"+d.Hex()[:24]) }
func (k *kept) noteFile() string             { return filepath.Join(k.dir, k.key+".json") }

// read returns the note if it is sound.
func (k *kept) read() (n keptNote) {
	data, err := readSmall(k.noteFile())
	if err != nil || len(data) > keptNear || json.Unmarshal(data, &n) != nil {
		return keptNote{}
	}
	if _, err := results.ParseDigest(string(n.SHA256)); err != nil {
		return keptNote{}
	}
	return n
}

// write replaces the note. What cannot be written is not kept.
func (k *kept) write() {
	data, err := json.Marshal(k.note)
	if err != nil {
		return
	}
	f, err := os.CreateTemp(k.dir, ".note-")
	if err != nil {
		return
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(data)
	if err2 := f.Close(); err == nil && err2 == nil {
		os.Rename(f.Name(), k.noteFile())
	}
}

func (k *kept) drop() {
	os.Remove(k.noteFile())
	if k.note.SHA256 != "" {
		os.Remove(k.file(k.note.SHA256))
	}
	k.note = keptNote{}
}

// lend puts what is kept at to, which must not exist. A file that is not what the note says is removed.
func (k *kept) lend(to string) bool {
	if k == nil || k.note.SHA256 == "" {
		return false
	}
	name := k.file(k.note.SHA256)
	if err := os.Link(name, to); err != nil {
		return false
	}
	f, err := os.Open(to)
	if err == nil {
		d, _, err2 := results.DigestReader(f)
		f.Close()
		if err2 == nil && d == k.note.SHA256 {
			return true
		}
	}
	os.Remove(to)
	k.drop()
	return false
}

// take keeps the file that was linked, unless it is the one that was lent. CgoFree stays open until the file is used.
func (k *kept) take(from string, more keptNote) {
	if k == nil {
		return
	}
	if k.note.SHA256 != "" && sameFile(from, k.file(k.note.SHA256)) {
		now := time.Now()
		os.Chtimes(k.noteFile(), now, now)
		return
	}
	f, err := os.Open(from)
	if err != nil {
		return
	}
	defer f.Close()
	d, _, err := results.DigestReader(f)
	if err != nil || os.MkdirAll(k.dir, 0o755) != nil {
		return
	}
	old := k.note
	more.SHA256 = d
	os.Remove(k.file(d))
	if os.Link(from, k.file(d)) != nil {
		return
	}
	k.note = more
	k.write()
	if old.SHA256 != "" && old.SHA256 != d {
		os.Remove(k.file(old.SHA256))
	}
	k.bound()
}

// bound removes what was used longest ago if there is too much.
func (k *kept) bound() {
	notes, err := filepath.Glob(filepath.Join(k.dir, "*.json"))
	if err != nil || len(notes) <= keptMax {
		return
	}
	used := map[string]time.Time{}
	for _, n := range notes {
		if st, err := os.Stat(n); err == nil {
			used[n] = st.ModTime()
		}
	}
	slices.SortFunc(notes, func(a, b string) int { return used[a].Compare(used[b]) })
	for _, n := range notes[:len(notes)-keptMax*3/4] {
		old := &kept{dir: k.dir, key: strings.TrimSuffix(filepath.Base(n), ".json")}
		old.note = old.read()
		old.drop()
		os.Remove(n)
	}
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
