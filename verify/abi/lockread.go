package abi

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
)

// ErrLock is wrapped by errors about a host lock that is damaged or of another version.
var ErrLock = errors.New("bad host lock")

// MaxLock bounds a lock in bytes; rclone's has about a hundred thousand.
const MaxLock = 16 << 20

// IsLock reports whether a file begins as a lock does, of whatever version.
func IsLock(head []byte) bool { return bytes.HasPrefix(head, []byte("plugproof host lock ")) }

// ParseLock reads a lock. Its errors wrap ErrLock and name the line.
func ParseLock(data []byte) (*Lock, error) {
	if len(data) > MaxLock {
		return nil, fmt.Errorf("reading host lock: %w: more than %d bytes", ErrLock, MaxLock)
	}
	text := string(data)
	head, _, _ := strings.Cut(text, "\n")
	if !IsLock(data) || head != lockHead {
		return nil, fmt.Errorf("reading host lock: %w: it begins with %.60q, not with %q: export it again with this version", ErrLock, head, lockHead)
	}
	at := strings.LastIndex(text, "\nend ")
	if at < 0 || text[at+1:] != "end "+string(results.DigestOf(data[:at+1]))+"\n" {
		return nil, fmt.Errorf("reading host lock: %w: its last line is not the digest of the lines before: it was cut or changed", ErrLock)
	}
	l := &Lock{Variables: variables{}}
	var version string
	var info strings.Builder
	n := 1
	once := map[string]int{}
	for line := range strings.Lines(text[len(head)+1 : at+1]) {
		n++
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if was := once[key]; was != 0 && !repeats[key] {
			return nil, fmt.Errorf("reading host lock: %w: line %d: %q stands in line %d already", ErrLock, n, key, was)
		}
		once[key] = n
		if err := l.set(key, value, &version, &info); err != nil {
			return nil, fmt.Errorf("reading host lock: %w: line %d: %w", ErrLock, n, err)
		}
	}
	var err error
	if l.Info, err = debug.ParseBuildInfo(info.String()); err != nil {
		return nil, fmt.Errorf("reading host lock: %w: %w", ErrLock, err)
	}
	l.Info.GoVersion = version
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, l.canonical(text)
}

// canonical refuses a lock that is not spelled as Text spells it: words that nobody reads, words that are left out, another order.
func (l *Lock) canonical(text string) error {
	want := strings.Split(string(l.Text()), "\n")
	for i, line := range strings.Split(text, "\n") {
		if i >= len(want) {
			return fmt.Errorf("reading host lock: %w: line %d: %.80q is one too many", ErrLock, i+1, line)
		}
		if line != want[i] {
			return fmt.Errorf("reading host lock: %w: line %d: %.80q, where %.80q is expected", ErrLock, i+1, line, want[i])
		}
	}
	return nil
}

// repeats are the words of which a lock has several lines.
var repeats = map[string]bool{"load": true, "needed": true, "info": true, "package": true, "export": true}

func (l *Lock) ptr() int {
	if l.Class == elf.ELFCLASS64 {
		return 8
	}
	return 4
}

func (l *Lock) set(key, value string, version *string, info *strings.Builder) error {
	text := func(to *string) (err error) {
		*to, err = strconv.Unquote(value)
		return err
	}
	words := strings.Split(value, " ")
	want := map[string]int{"elf": 3, "load": 2, "package": 2, "export": 3}
	if n := want[key]; n != 0 && len(words) < n {
		return fmt.Errorf("%q has %d words, not %d", key, len(words), n)
	}
	var s string
	var err error
	switch key {
	case "host":
		l.Digest, err = results.ParseDigest(value)
	case "elf":
		for _, m := range machines {
			if m.elf.String() == words[0] {
				l.Machine = m.elf
			}
		}
		for _, c := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
			if c.String() == words[1] {
				l.Class = c
			}
		}
		for _, t := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
			if t.String() == words[2] {
				l.Type = t
			}
		}
	case "go":
		err = text(version)
	case "interp":
		err = text(&l.Interp)
	case "libc":
		err = text(&l.Libc)
	case "runpath":
		err = text(&l.Runpath)
	case "rpath":
		err = text(&l.Rpath)
	case "moduledata":
		l.ModuleData, err = strconv.ParseUint(value, 10, 32)
	case "tls":
		l.TLS, err = strconv.ParseBool(value)
	case "hidden":
		l.Hidden, err = strconv.ParseBool(value)
	case "packed":
		l.Packed, err = strconv.ParseBool(value)
	case "load":
		var r [2]uint64
		if r[0], err = strconv.ParseUint(words[0], 0, 64); err == nil {
			r[1], err = strconv.ParseUint(words[1], 0, 64)
		}
		l.Loads = append(l.Loads, r)
	case "needed":
		err = text(&s)
		l.Needed = append(l.Needed, s)
	case "info":
		err = text(&s)
		info.WriteString(s + "\n")
	case "package":
		var h []byte
		if h, err = hex.DecodeString(words[0]); err == nil && len(h) != 8 {
			err = fmt.Errorf("a fingerprint of %d bytes", len(h))
		}
		rest, name := strings.Join(words[1:], " "), ""
		if err == nil {
			name, err = strconv.QuotedPrefix(rest)
		}
		if err == nil {
			s, err = strconv.Unquote(name)
		}
		if vars := strings.TrimPrefix(rest[len(name):], " "); err == nil && vars != "" {
			err = l.Variables.set(s, vars)
		}
		l.Packages = append(l.Packages, goelf.Package{Name: s, Hash: string(h)})
	case "export":
		e := Exported{Name: words[2], Weak: words[1] == "weak"}
		for t := elf.STT_NOTYPE; t <= elf.STT_TLS; t++ {
			if t.String() == words[0] {
				e.Type = t
			}
		}
		l.Exports = append(l.Exports, e)
	default:
		err = fmt.Errorf("unknown word %q", key)
	}
	return err
}
