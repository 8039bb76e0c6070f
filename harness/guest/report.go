package guest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Plugin is what became of one plugin that a probe was told to open.
type Plugin struct {
	Path    string   `json:"path"`
	Outcome string   `json:"outcome"` // "ok", "error", "throw", "signal", "hang", "not-reached", "unobserved"
	Error   string   `json:"error,omitempty"`
	Symbols []Symbol `json:"symbols,omitempty"`
}

// Symbol is what became of one Lookup.
type Symbol struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"`
	Error string `json:"error,omitempty"`
}

// Fate is how the process that reported ended, as far as plugins are concerned.
type Fate string

// The fates.
const (
	FateExit   Fate = "exit"
	FateThrow  Fate = "throw"
	FateSignal Fate = "signal"
	FateHang   Fate = "hang"
	FateLost   Fate = "lost"        // the machine went with it: nothing is known about what was not reported
	FateUnborn Fate = "not-started" // the guest could not execute it: it opened nothing
)

// Reading is a probe's report, understood.
type Reading struct {
	Plugins  []Plugin
	Complete bool   // the probe came to its end
	Trouble  string // why the rest of the report was not read; "" if all was
}

// ReadReport reads what a probe wrote to its descriptor 3, one event a line:
//
//	open I
//	ok I | err I HEX
//	sym I NAME ok HEX | sym I NAME err HEX
//	end
//
// and says of each of the paths what became of it. The report is the program's own word: a plugin that knows the protocol
// can lie about itself. A line out of order ends the reading.
func ReadReport(raw []byte, paths []string, fate Fate) Reading {
	r := &reader{opening: -1, list: make([]Plugin, len(paths))}
	for i, p := range paths {
		r.list[i].Path = p
	}
	for len(raw) > 0 && r.trouble == "" && !r.complete {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		if !whole {
			r.trouble = "the last line is cut off"
			break
		}
		raw = rest
		r.line(string(line))
	}
	if r.complete && len(raw) > 0 {
		r.trouble = "bytes after the end"
	}
	r.conclude(fate)
	return Reading{Plugins: r.list, Complete: r.complete, Trouble: r.trouble}
}

type reader struct {
	list     []Plugin
	opening  int // index of the plugin being opened, or -1
	next     int // index of the plugin to be opened next
	complete bool
	trouble  string
}

// line takes one event, or sets trouble.
func (r *reader) line(s string) {
	words := strings.Split(s, " ")
	bad := func() { r.trouble = fmt.Sprintf("unexpected line %.80q", s) }
	if s == "end" && r.opening < 0 {
		r.complete = true
		return
	}
	if len(words) < 2 {
		bad()
		return
	}
	i, err := strconv.Atoi(words[1])
	if err != nil || i < 0 || i >= len(r.list) {
		bad()
		return
	}
	text := ""
	if len(words) > 2 {
		b, err := hex.DecodeString(words[len(words)-1])
		if err != nil {
			bad()
			return
		}
		text = string(b)
	}
	p := &r.list[i]
	switch {
	case words[0] == "open" && len(words) == 2 && r.opening < 0 && i == r.next:
		r.opening, r.next = i, i+1
	case words[0] == "ok" && len(words) == 2 && i == r.opening:
		p.Outcome, r.opening = "ok", -1
	case words[0] == "err" && len(words) == 3 && i == r.opening:
		p.Outcome, p.Error, r.opening = "error", text, -1
	case words[0] == "sym" && len(words) == 5 && words[3] == "ok" && p.Outcome == "ok":
		p.Symbols = append(p.Symbols, Symbol{Name: words[2], Type: text})
	case words[0] == "sym" && len(words) == 5 && words[3] == "err" && p.Outcome == "ok":
		p.Symbols = append(p.Symbols, Symbol{Name: words[2], Error: text})
	default:
		bad()
	}
}

// conclude says what became of the plugins that have no result of their own.
func (r *reader) conclude(fate Fate) {
	reported := r.next > 0
	for i := range r.list {
		p := &r.list[i]
		switch {
		case p.Outcome != "":
		case fate == FateLost || r.trouble != "":
			p.Outcome = "unobserved"
		case i == r.opening && fate == FateExit:
			p.Outcome, p.Error = "unobserved", "the process ended by itself while it opened the plugin"
		case i == r.opening:
			p.Outcome = string(fate)
		case reported || fate != FateExit:
			p.Outcome = "not-reached"
		default:
			p.Outcome = "unobserved"
		}
	}
}
