package vary

import (
	"fmt"
	"strings"
)

// MaxSpec is the longest text that Parse reads, in bytes.
const MaxSpec = 4096

// Error is a choice that cannot be understood.
type Error struct {
	Item string // the item, or the whole text
	Msg  string
	hint string
}

func (e *Error) Error() string { return fmt.Sprintf("--vary %q: %s", e.Item, e.Msg) }

// Hint says what to do.
func (e *Error) Hint() string { return e.hint }

// Parse reads a choice. Every error is an *Error. Nothing is guessed: an empty item, a name without a sign or a value that does not fit is an error.
func Parse(text string) (Set, error) {
	if len(text) > MaxSpec {
		return Set{}, &Error{text[:32] + "...", fmt.Sprintf("it is longer than %d bytes", MaxSpec), ""}
	}
	s := Default()
	if strings.TrimSpace(text) == "" {
		return Set{}, &Error{text, "it chooses nothing", "write +NAME, -NAME, @NAME or NAME=VALUE, separated by commas; -all is none"}
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		var err error
		if s, err = s.apply(item); err != nil {
			return Set{}, err
		}
	}
	return s, nil
}

func (s Set) apply(item string) (Set, error) {
	if item == "" {
		return s, &Error{item, "an item is empty", "look for a comma too many"}
	}
	if name, value, ok := strings.Cut(item, "="); ok {
		return s.assign(item, name, value)
	}
	sign, name := item[0], item[1:]
	if !strings.ContainsRune("+-@", rune(sign)) {
		return s, &Error{item, "it has no sign", fmt.Sprintf("+%s varies it, -%s does not, @%s varies it with the default value", item, item, item)}
	}
	var which Set
	switch name {
	case "all":
		which = all()
	case "default":
		which = Default()
	default:
		if index(name) < 0 {
			return s, unknown(item, name)
		}
		which = Of(name)
	}
	switch sign {
	case '+':
		s.on |= which.on
	case '-':
		s = s.mask(s.on &^ which.on)
	case '@':
		s = s.mask(s.on &^ which.on) // forget the values
		s.on |= which.on
	}
	return s, nil
}

func (s Set) assign(item, name, value string) (Set, error) {
	i := index(name)
	switch {
	case i < 0:
		return s, unknown(item, name)
	case table[i].value == nil:
		return s, &Error{item, table[i].Name + " takes no value", "those that do: " + strings.Join(valued(), ", ")}
	case !table[i].value.MatchString(value):
		return s, &Error{item, fmt.Sprintf("%q is no value of %s", value, table[i].Name), "the form is " + table[i].value.String()}
	case value == table[i].A:
		return s, &Error{item, "side A has this value, too", "choose another, or -" + table[i].Name}
	case value == table[i].B:
		s = s.mask(s.on &^ (1 << i))
		s.on |= 1 << i
		return s, nil
	}
	return s.with(table[i].Name, value), nil
}

func all() Set {
	s := None()
	for _, v := range table {
		s.on |= bit(v.Name)
	}
	return s
}

func valued() (names []string) {
	for _, v := range table {
		if v.value != nil {
			names = append(names, v.Name)
		}
	}
	return names
}

func unknown(item, name string) error {
	hint := "all, default"
	for _, v := range table {
		hint += ", " + v.Name
	}
	for _, v := range table {
		if name != "" && (strings.HasPrefix(v.Name, name) || near(v.Name, name)) {
			hint = fmt.Sprintf("did you mean %s?", v.Name)
			break
		}
	}
	return &Error{item, fmt.Sprintf("there is no variation %q", name), hint}
}

// near reports whether one has the other's letters and at most differs in signs, or one letter is too many or wrong.
func near(a, b string) bool {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '-' || r == '_' {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	a, b = plain(a), plain(b)
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 || len(b) < 3 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	return a[i:] == b[i:] || a[min(i+1, len(a)):] == b[i:] || a[min(i+1, len(a)):] == b[min(i+1, len(b)):]
}
