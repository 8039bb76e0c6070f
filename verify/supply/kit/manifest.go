package kit

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plugproof/plugproof/results"
)

// A Part is one file of a kit.
type Part struct {
	Kind   string         `json:"kind"` // what it is for: "toolchain", "module", "sumdb", "input", "source", ...
	Path   string         `json:"path"` // where it is unpacked to: slashes, relative, clean
	Exec   bool           `json:"exec"` // mode 0755, not 0644
	Link   bool           `json:"link"` // a symbolic link; its bytes are where it leads to
	Size   int64          `json:"size"` // bytes
	SHA256 results.Digest `json:"sha256"`
	Held   bool           `json:"held"` // its bytes are in the kit that Since names, not in this one
}

// A Manifest says what a kit holds.
type Manifest struct {
	Name   string         `json:"name"`
	Serial uint64         `json:"serial"`
	Since  results.Digest `json:"since"` // of the manifest's text whose parts are left out; empty in a whole kit
	Parts  []Part         `json:"parts"` // sorted by Path
}

// Digest names a manifest by its text.
func (m *Manifest) Digest() results.Digest { return results.DigestOf(m.Text()) }

// Text is the manifest's one spelling. Sort first; Check says whether it can be read back.
func (m *Manifest) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nname %s\nserial %d\n", heading, strconv.Quote(m.Name), m.Serial)
	if m.Since != "" {
		fmt.Fprintf(&b, "since %s\n", m.Since)
	}
	for _, p := range m.Parts {
		word, mode := "part", "file"
		if p.Held {
			word = "held"
		}
		switch {
		case p.Link:
			mode = "link"
		case p.Exec:
			mode = "exec"
		}
		fmt.Fprintf(&b, "%s %s %s %d %s %s\n", word, p.Kind, mode, p.Size, p.SHA256, strconv.Quote(p.Path))
	}
	return []byte(b.String())
}

// Sort orders the parts as Text needs them.
func (m *Manifest) Sort() {
	slices.SortFunc(m.Parts, func(a, b Part) int { return strings.Compare(a.Path, b.Path) })
}

// Check says what is wrong with a manifest: names that leave the folder, two files in one place, sums that overflow.
func (m *Manifest) Check() error {
	if !word(m.Name) || m.Serial == 0 {
		return fmt.Errorf("%w: name %q, serial %d: a name is a word, and a serial is at least 1", ErrFormat, m.Name, m.Serial)
	}
	if len(m.Parts) > maxParts {
		return fmt.Errorf("%w: %d parts, and at most %d are taken", ErrFormat, len(m.Parts), maxParts)
	}
	if m.Since != "" {
		if _, err := results.ParseDigest(string(m.Since)); err != nil {
			return fmt.Errorf("%w: since: %w", ErrFormat, err)
		}
	}
	var total int64
	sizes := map[results.Digest]int64{}
	last := ""
	files := map[string]bool{}
	for _, p := range m.Parts {
		bad := func(why string) error { return fmt.Errorf("%w: part %q: %s", ErrFormat, p.Path, why) }
		if !fs.ValidPath(p.Path) || p.Path == "." || len(p.Path) > maxPath || !utf8.ValidString(p.Path) || strings.ContainsFunc(p.Path, unicode.IsControl) || strings.Contains(p.Path, "\\") {
			return bad("it is no path that can be unpacked")
		}
		if path.Base(p.Path) == unfinished || strings.HasPrefix(p.Path, serials+"/") {
			return bad("plugproof itself writes a file of that name when it unpacks a kit")
		}
		if p.Path <= last {
			return bad("parts are not sorted by path, or one is there twice")
		}
		last = p.Path
		files[p.Path] = true
		if !word(p.Kind) {
			return bad("its kind is no word")
		}
		if p.Size < 0 || p.Size > 1<<40 || total > 1<<42-p.Size {
			return bad("its size is not to be believed")
		}
		if p.Link && (p.Exec || p.Size == 0 || p.Size > maxPath) {
			return bad("it is no link that can be made")
		}
		total += p.Size
		if _, err := results.ParseDigest(string(p.SHA256)); err != nil {
			return bad(err.Error())
		}
		if old, ok := sizes[p.SHA256]; ok && old != p.Size {
			return bad("two sizes for one digest")
		}
		sizes[p.SHA256] = p.Size
		if p.Held && m.Since == "" {
			return bad("it is held by no kit")
		}
	}
	for _, p := range m.Parts {
		for i := range p.Path {
			if p.Path[i] == '/' && files[p.Path[:i]] {
				return fmt.Errorf("%w: part %q lies below the file or link %q", ErrFormat, p.Path, p.Path[:i])
			}
		}
	}
	return nil
}

// word reports whether s is a short word of ASCII letters, digits, ".", "_" and "-", and no folder's own name.
func word(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r) {
			return false
		}
	}
	return s != "" && s != "." && s != ".." && len(s) <= 100 // a file of its name remembers the serial
}

// ParseManifest reads what Text writes, and nothing else.
func ParseManifest(text []byte) (*Manifest, error) {
	if len(text) > maxManifest {
		return nil, fmt.Errorf("%w: the manifest is longer than %d bytes", ErrFormat, maxManifest)
	}
	m := &Manifest{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if err := m.line(n, strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("%w: manifest, line %d: %w", ErrFormat, n, err)
		}
		if len(m.Parts) > maxParts {
			return nil, fmt.Errorf("%w: more than %d parts", ErrFormat, maxParts)
		}
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if string(m.Text()) != string(text) {
		return nil, fmt.Errorf("%w: the manifest is not written as plugproof writes it", ErrFormat)
	}
	return m, nil
}

func (m *Manifest) line(n int, s string) error {
	key, rest, _ := strings.Cut(s, " ")
	var err error
	switch {
	case n == 1:
		if s != heading {
			err = fmt.Errorf("it begins with %.80q", s)
		}
	case key == "name":
		m.Name, err = strconv.Unquote(rest)
	case key == "serial":
		m.Serial, err = strconv.ParseUint(rest, 10, 64)
	case key == "since":
		m.Since, err = results.ParseDigest(rest)
	case key == "part" || key == "held":
		w := strings.SplitN(rest, " ", 5)
		if len(w) != 5 {
			return fmt.Errorf("a part has five words: %.200q", s)
		}
		p := Part{Kind: w[0], Exec: w[1] == "exec", Link: w[1] == "link", Held: key == "held"}
		if p.Size, err = strconv.ParseInt(w[2], 10, 64); err != nil {
			return err
		}
		if p.SHA256, err = results.ParseDigest(w[3]); err != nil {
			return err
		}
		p.Path, err = strconv.Unquote(w[4])
		m.Parts = append(m.Parts, p)
	default:
		err = fmt.Errorf("unknown word %.80q", key)
	}
	return err
}
