package mirror

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// answer is one line of the log.
type answer struct {
	Time   time.Time `json:"time"` // UTC
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256,omitempty"` // of the answer, hexadecimal
	From   string    `json:"from,omitempty"`   // "files" or an upstream
	Error  string    `json:"error,omitempty"`
	Before string    `json:"before"` // SHA-256 of the line before, hexadecimal; "" in the first
}

// maxWord bounds what a client chooses of a line, in bytes: escaped it has six times as many.
const maxWord = 4 << 10

// note appends a line in one write. Of a log that cannot be written the torn line is taken back, so that its chain holds, and
// nothing more is answered.
func (s *Server) note(a *answer) {
	if s.Log == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Before = s.Last
	for _, word := range []*string{&a.Method, &a.Path, &a.Error} {
		*word = (*word)[:min(len(*word), maxWord)]
	}
	line, err := json.Marshal(a)
	if err != nil {
		return
	}
	line = append(line, '\n')
	if s.broken != nil {
		return
	}
	n, err := s.Log.Write(line)
	if err == nil {
		s.Last = lineHash(line)
		return
	}
	s.broken = err
	if f, ok := s.Log.(*os.File); ok && n > 0 {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			_ = f.Truncate(st.Size() - int64(n))
		}
	}
	if s.Broken != nil {
		s.Broken(err)
	}
}

func (s *Server) logBroken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func lineHash(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// maxLine bounds a line of the log, in bytes.
const maxLine = 64 << 10

// CheckLog reads a log and says where its chain is broken: a line was changed, taken out or put in. last is the hash of the last line.
func CheckLog(r io.Reader) (lines int, last string, err error) {
	b := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := b.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return lines, last, nil
		}
		if err != nil {
			return lines, last, fmt.Errorf("log, line %d: it is cut off or too long", lines+1)
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return lines, last, fmt.Errorf("log, line %d: %w", lines+1, err)
		}
		if a.Before != last {
			return lines, last, fmt.Errorf("log, line %d: the line before it is not the one that was there", lines+1)
		}
		lines, last = lines+1, lineHash(line)
	}
}
