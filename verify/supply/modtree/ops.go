package modtree

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/mod/sumdb"
)

// ops gives the database's client what travels in the tree, and nothing else.
type ops struct {
	tree      Tree
	has       map[string]bool
	key, name string

	mu     sync.Mutex
	latest []byte
	bad    string // what the client said of a misbehaving database
}

func (o *ops) ReadRemote(path string) ([]byte, error) {
	name := "sumdb/" + o.name + path
	if !o.has[name] {
		return nil, fmt.Errorf("the tree has no %s: %w", name, fs.ErrNotExist)
	}
	data, err := read(o.tree, name, maxProof)
	if err == nil {
		err = oneSpelling(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// oneSpelling refuses signature lines of a note ("— NAME BASE64", golang.org/x/mod/sumdb/note) whose last base64 digit
// has bits that decode to nothing: several spellings would be the same signature.
func oneSpelling(data []byte) error {
	for l := range bytes.Lines(data) {
		rest, ok := bytes.CutPrefix(bytes.TrimSuffix(l, []byte("\n")), []byte("\u2014 "))
		if !ok {
			continue
		}
		_, sig, _ := bytes.Cut(rest, []byte(" "))
		if bytes.ContainsAny(sig, "\r\n") { // which encoding/base64 passes over
			return errors.New("a signature's base64: a line end in it")
		}
		if _, err := base64.StdEncoding.Strict().Decode(make([]byte, len(sig)), sig); err != nil {
			return fmt.Errorf("a signature's base64: %w", err)
		}
	}
	return nil
}

func (o *ops) ReadConfig(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch file {
	case "key":
		return []byte(o.key), nil
	case o.name + "/latest":
		return o.latest, nil
	}
	return nil, fs.ErrNotExist
}

func (o *ops) WriteConfig(_ string, old, next []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if string(old) != string(o.latest) {
		return sumdb.ErrWriteConflict
	}
	o.latest = next
	return nil
}

func (o *ops) ReadCache(string) ([]byte, error) { return nil, fs.ErrNotExist }
func (o *ops) WriteCache(string, []byte)        {}
func (o *ops) Log(string)                       {}

func (o *ops) SecurityError(msg string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bad = msg
}

func (o *ops) misbehaved() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bad
}
