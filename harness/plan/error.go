package plan

import "fmt"

// Error is a mistake in a configuration, with its place and what to do about it.
type Error struct {
	File string // as given; may be empty for mistakes that are not in a file
	Line int    // from 1; 0 if unknown
	Col  int    // in bytes, from 1; 0 if unknown
	Msg  string
	hint string
}

// Error is "plugproof.toml:12:3: unknown key "flgs" in [build]".
func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Msg
	case e.Line == 0:
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// Hint says what to do, or is empty.
func (e *Error) Hint() string { return e.hint }

// configError is an Error without a position.
func configError(file, hint, format string, args ...any) *Error {
	return &Error{File: file, Msg: fmt.Sprintf(format, args...), hint: hint}
}

// fail returns an Error at the place of the key with this path, or of its nearest parent.
func (p *Project) fail(path, hint, format string, args ...any) *Error {
	line, col := p.at.find(path)
	return &Error{File: p.File, Line: line, Col: col, Msg: fmt.Sprintf(format, args...), hint: hint}
}
