package mirror

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// An Entry is a file of a mirror.
type Entry struct {
	Path   string // of the URL, without the slash in front
	Size   int64  // bytes
	SHA256 results.Digest
}

// IndexText is the text at IndexPath.
func IndexText(entries []Entry) []byte {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %d %s\n", e.SHA256, e.Size, e.Path)
	}
	return []byte(b.String())
}

// ParseIndex reads an index. Paths must be ones that a mirror has, sorted, each once.
func ParseIndex(text []byte) ([]Entry, error) {
	if len(text) > maxIndex {
		return nil, fmt.Errorf("the index is longer than %d bytes", maxIndex)
	}
	var out []Entry
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		if len(words) != 3 {
			return nil, fmt.Errorf("index, line %d: %.100q has no three words", n, line)
		}
		d, err := results.ParseDigest(words[0])
		if err != nil {
			return nil, fmt.Errorf("index, line %d: %w", n, err)
		}
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || size < 0 || size > maxAnswer {
			return nil, fmt.Errorf("index, line %d: size %.30q", n, words[1])
		}
		if _, ok := place(words[2]); !ok || !fs.ValidPath(words[2]) || !served(words[2]) || len(out) > 0 && out[len(out)-1].Path >= words[2] {
			return nil, fmt.Errorf("index, line %d: path %.200q", n, words[2])
		}
		out = append(out, Entry{words[2], size, d})
	}
	return out, nil
}
