package actions

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Limits of a log. A build of 1,500 packages keeps 8 MB.
const (
	maxLine = 8 << 20  // bytes of one line; build information is one
	maxKept = 64 << 20 // bytes of all inputs that are kept
	maxIDs  = 64       // action IDs of one name: several variants of a package
	// inputCost is what an input costs beside its text, in bytes.
	inputCost = 160
)

// ErrTooLong is wrapped by the error of a log or graph that is longer than what any build writes.
var ErrTooLong = errors.New("it is longer than what the go command writes")

// Log is what the log of GODEBUG=gocachehash=1 says of one build.
type Log struct {
	actions map[string]*Action // by name
}

// Action is the action of a name ("build fmt"), nil if there is none.
func (l *Log) Action(name string) *Action { return l.actions[name] }

// Names are the names of all actions, sorted.
func (l *Log) Names() []string { return slices.Sorted(maps.Keys(l.actions)) }

// ReadLog reads a build's standard error. Lines that are no part of a hash are passed over, for compilers write there as well; so are
// hashes that are not of an action (indexes of modules, IDs of compilers). A line without end is taken for cut off, and left out.
// It keeps the distinct inputs only, and at most 64 MiB of them; more is an error.
func ReadLog(r io.Reader) (*Log, error) {
	p := logParser{log: &Log{actions: map[string]*Action{}}, open: map[string]*block{}, subkeys: map[string][]string{}}
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = p.line(line)
		}
		if err != nil {
			return nil, fmt.Errorf("reading line %d of a log of hashes: %w", n, err)
		}
	}
	for name, b := range p.open { // cut off, or two of one name
		b.action.Whole = false
		delete(p.open, name)
	}
	for _, a := range p.log.actions {
		a.seen = nil
		for _, id := range a.IDs {
			a.Subkeys = append(a.Subkeys, p.subkeys[id]...)
		}
	}
	return p.log, nil
}

// readLine returns a line without its end. The bytes are good until the next call.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err == nil {
		return line[:len(line)-1], nil
	}
	if err != bufio.ErrBufferFull {
		return nil, err
	}
	if !strings.HasPrefix(string(line[:5]), "HASH[") { // nothing of ours is lost
		for err == bufio.ErrBufferFull {
			_, err = in.ReadSlice('\n')
		}
		return nil, err
	}
	long := slices.Clone(line)
	for err == bufio.ErrBufferFull {
		if len(long) > maxLine {
			return nil, ErrTooLong
		}
		line, err = in.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		return nil, err
	}
	return long[:len(long)-1], nil
}

// block is an action whose sum is not yet read.
type block struct {
	action *Action
	sum    hash.Hash
	writes int
	torn   bool // another of the same name began before it ended, or a line could not be read
}

type logParser struct {
	log  *Log
	open map[string]*block // by name
	kept int

	subkeys map[string][]string // by what they were derived from
}

// line reads one of
//
//	HASH[name]
//	HASH[name]: "a write"
//	HASH[name]: 64 hexadecimal digits, the sum
//	HASH subkey 64 digits "a word" = 64 digits
func (p *logParser) line(b []byte) error {
	if rest, ok := bytes.CutPrefix(b, []byte("HASH subkey ")); ok {
		return p.subkey(string(rest))
	}
	if len(b) < 6 || string(b[:5]) != "HASH[" || !(strings.HasPrefix(string(b[5:min(len(b), 11)]), "build ") || strings.HasPrefix(string(b[5:min(len(b), 10)]), "link ")) {
		return nil
	}
	s := string(b[5:])
	if name, ok := strings.CutSuffix(s, "]"); ok && !strings.Contains(name, "]: ") {
		return p.begin(name)
	}
	name, rest, ok := strings.Cut(s, "]: ")
	if !ok {
		return nil
	}
	o := p.open[name]
	if o == nil {
		return nil
	}
	if !strings.HasPrefix(rest, `"`) {
		p.end(name, o, rest)
		return nil
	}
	w, err := strconv.Unquote(rest)
	if err != nil { // other output ran into the line
		o.torn = true
		return nil
	}
	io.WriteString(o.sum, w)
	o.writes++
	return p.add(o.action, inputsOf(w, o.writes == 1))
}

func (p *logParser) begin(name string) error {
	a := p.log.actions[name]
	if a == nil {
		kind, pkg, _ := strings.Cut(name, " ")
		a = &Action{Kind: kind, Package: pkg, Whole: true, seen: map[Input]bool{}}
		if p.kept += len(name) + 2*inputCost; p.kept > maxKept {
			return ErrTooLong
		}
		p.log.actions[name] = a
	}
	if o := p.open[name]; o != nil {
		o.torn, a.Whole = true, false
		return nil
	}
	p.open[name] = &block{action: a, sum: sha256.New()}
	return nil
}

func (p *logParser) add(a *Action, list []Input) error {
	for _, in := range list {
		if a.seen[in] {
			continue
		}
		if p.kept += len(in.Key) + len(in.Value) + inputCost; p.kept > maxKept {
			return ErrTooLong
		}
		a.seen[in] = true
		a.Inputs = append(a.Inputs, in)
	}
	return nil
}

func (p *logParser) subkey(s string) error {
	if len(s) < 2*idLen || !isID(s[:idLen]) || !isID(s[len(s)-idLen:]) {
		return nil
	}
	if l := p.subkeys[s[:idLen]]; len(l) == maxIDs || slices.Contains(l, s[len(s)-idLen:]) {
		return nil
	}
	if p.kept += 2*idLen + inputCost; p.kept > maxKept {
		return ErrTooLong
	}
	p.subkeys[s[:idLen]] = append(p.subkeys[s[:idLen]], s[len(s)-idLen:])
	return nil
}

// idLen is the length of an action ID, in hexadecimal digits.
const idLen = 2 * sha256.Size

func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return len(s) == idLen && err == nil
}

func (p *logParser) end(name string, o *block, sum string) {
	if o.torn || hex.EncodeToString(o.sum.Sum(nil)) != sum {
		o.action.Whole = false
	}
	if isID(sum) && len(o.action.IDs) < maxIDs && !slices.Contains(o.action.IDs, sum) {
		o.action.IDs = append(o.action.IDs, sum)
	}
	delete(p.open, name)
}
