package results

// RebuildDetail says what the sides of a rebuild step differed in and, where twins differ, what further builds showed.
type RebuildDetail struct {
	Vary      string    `json:"vary"` // the choice, in the grammar of --vary
	Seed      uint64    `json:"seed"` // of the search
	Varied    []Varied  `json:"varied"`
	NotVaried []string  `json:"not_varied"` // "NAME: reason", also what nobody asked for
	Inquiries []Inquiry `json:"inquiries"`  // of the subjects whose twins differ, or differ from what was shipped
}

// Varied is one deliberate difference between the sides.
type Varied struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Inquiry is what further builds showed of one subject.
type Inquiry struct {
	Subject string   `json:"subject"`
	Steady  *bool    `json:"steady"` // two builds in the same surroundings have the same bytes; null: not asked
	Groups  []Guilty `json:"groups"`
	Met     bool     `json:"met"` // with all that is named set back, the raw hashes of both sides meet
	Fix     *Fix     `json:"fix"` // a pair that was built with it came out equal; null: none did
	Builds  int      `json:"builds"`
	Short   string   `json:"short"` // why it ended early
	Against *Against `json:"against"`
}

// Guilty is a minimal set of variations that makes a difference; none: it differs in the same surroundings, too.
type Guilty struct {
	Variations []string `json:"variations"`
	Minimal    bool     `json:"minimal"` // without any one of them there is no difference
	Causes     []Reason `json:"causes"`
}

// Reason is a cause as further builds showed it.
type Reason struct {
	ID       string   `json:"id"`
	Action   string   `json:"action"` // the first of cmd/go's actions that differs: "build example.test/x"
	Input    string   `json:"input"`  // what of its inputs differs
	Cascade  int      `json:"cascade"`
	Proven   bool     `json:"proven"`
	Fix      *Fix     `json:"fix"`
	Tried    []string `json:"tried"` // fixes with which the pair still differed
	Upstream []string `json:"upstream"`
}

// Fix is a change with which a pair of builds came out equal.
type Fix struct {
	Text  string            `json:"text"`
	Flags []string          `json:"flags"` // all of go build's flags
	Env   map[string]string `json:"env"`   // all of the project's variables
}

// Against compares what was built with what was shipped.
type Against struct {
	SHA256  Digest   `json:"sha256"`
	Equal   bool     `json:"equal"`   // side a has the shipped bytes
	Verdict string   `json:"verdict"` // of the comparison; null if only the digest is known
	Tried   []string `json:"tried"`   // settings that were tried
	Settles []string `json:"settles"` // the settings that together give the shipped bytes; none: nothing that was tried does
}
