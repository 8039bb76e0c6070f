package actions

import "encoding/json"

// Keys of roots that are no inputs.
const (
	// Output is the key of an unstable action: its inputs are equal, its contents are not. A and B are content IDs.
	Output = "output"
	// Unnamed is the key of an action that differs while what it depends on does not, where no log says which of its inputs it is.
	// A and B are action IDs.
	Unnamed = "inputs"
)

// Attribution says why two builds' actions differ.
type Attribution struct {
	// Roots are the inputs that differ by themselves, equal ones of several actions taken together, the earliest action's first.
	// None if the logs and graphs show no difference: then the files differ by what enters no hash.
	Roots []Root `json:"roots"`
	// Cascade counts the actions that differ only because of what they import or link.
	Cascade int `json:"cascade"`
	// Actions counts the actions of both builds that were compared.
	Actions int `json:"actions"`
	// OnlyA and OnlyB are actions that only one build has, sorted.
	OnlyA []string `json:"only_a"`
	OnlyB []string `json:"only_b"`
}

// First is the earliest root, nil if there is none.
func (a *Attribution) First() *Root {
	if len(a.Roots) == 0 {
		return nil
	}
	return &a.Roots[0]
}

// Root is one input that differs.
type Root struct {
	// Key is an Input's key, Output or Unnamed.
	Key string
	// A and B are the values, nil where that side has none. Where one action has several values under a key they are joined by "; ".
	// Of a directory (key dir) only the part that differs is given, which a package's own place in it is not; of a list of flags
	// those that the other side has not, so that "[]" may stand against them, or the whole lists if only their order differs.
	A, B *string
	// Actions are the names of the actions ("build fmt") that have it, in the order in which they can be done.
	Actions []string
	// Cgo is set if the earliest of them is of a package with C in it.
	Cgo bool
	// Whole is set if the log holds all inputs of the earliest action on both sides, checked by their sums, so that what is called
	// equal is equal. A root Output that is not whole is not proved to be unstable.
	Whole bool
}

// Unstable reports whether the action's contents differ although its inputs are equal.
func (r *Root) Unstable() bool { return r.Key == Output }

// MarshalJSON writes an absent value as null.
func (r Root) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Key     string   `json:"key"`
		A       *string  `json:"a"`
		B       *string  `json:"b"`
		Actions []string `json:"actions"`
		Cgo     bool     `json:"cgo"`
		Whole   bool     `json:"whole"`
	}{r.Key, r.A, r.B, r.Actions, r.Cgo, r.Whole})
}
