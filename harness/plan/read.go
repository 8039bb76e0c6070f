package plan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// ParseProject reads the contents of a plugproof.toml. name is used in messages only. Every error is an *Error.
// Name, Dir, Module and Root stay empty: see Load.
func ParseProject(name string, data []byte) (*Project, error) {
	if len(data) > MaxSize {
		return nil, configError(name, "", "file is longer than %d bytes", MaxSize)
	}
	p := &Project{File: name}
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, decodeError(name, data, err)
	}
	p.at = indexOf(data)
	if err := p.at.spelling(name); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// decodeError turns go-toml's errors into ours.
func decodeError(name string, data []byte, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) && len(missing.Errors) > 0 {
		return unknownKey(name, data, &missing.Errors[0])
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, col := bad.Position()
		msg := strings.TrimPrefix(bad.Error(), "toml: ")
		hint := ""
		if k := bad.Key(); len(k) > 0 {
			msg = fmt.Sprintf("key %q: %s", strings.Join(k, "."), msg)
			hint = typeHint(k)
		}
		return &Error{File: name, Line: line, Col: col, Msg: msg, hint: hint}
	}
	return configError(name, "", "%s", strings.TrimPrefix(err.Error(), "toml: "))
}

// unknownKey asks our own index for the key's path, because go-toml leaves the names of inline tables out of it.
func unknownKey(name string, data []byte, e *toml.DecodeError) error {
	line, col := e.Position()
	full := []string(e.Key())
	if path := indexOf(data).at(line, col); path != "" {
		full = strings.Split(path, ".")
	}
	var parts []string
	for _, k := range full {
		if strings.Trim(k, "0123456789") != "" {
			parts = append(parts, k)
		}
	}
	if len(parts) == 0 {
		return &Error{File: name, Line: line, Col: col, Msg: "unknown key"}
	}
	key, table := parts[len(parts)-1], parts[:len(parts)-1]
	known := tableKeys[strings.Join(table, ".")]
	if len(table) > 0 && table[0] == "cc" {
		known = tableKeys["cc"]
	}
	out := &Error{File: name, Line: line, Col: col, Msg: fmt.Sprintf("unknown key %q", key)}
	if len(table) > 0 {
		out.Msg += fmt.Sprintf(" in [%s]", strings.Join(table, "."))
	}
	if len(known) > 0 {
		out.hint = suggest(key, known)
	}
	return out
}

// typeHint says what a key holds, for a value of the wrong type.
func typeHint(key toml.Key) string {
	if key[0] == "policy" {
		return policyHint(key)
	}
	for _, k := range key {
		switch k {
		case "env":
			return `environment values are strings: env = { GOARM = "7" }`
		case "flags", "arch", "libc", "command":
			return "it is a list of strings"
		case "before":
			return `it is a list of commands: before = [["go", "generate", "./..."]]`
		case "go":
			return `Go versions are strings: "go1.26.8"`
		case "symbols":
			return `symbols maps a name to its type: symbols = { Greeter = "*example.test/api.Greeter" }`
		}
	}
	if key[0] == "plugin" || key[0] == "expect" {
		return fmt.Sprintf("write [[%s]]", key[0])
	}
	return ""
}
