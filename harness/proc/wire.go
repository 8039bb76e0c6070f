package proc

// order is what the owner tells the supervisor, as one JSON line on descriptor orderFD. Each line after it is a decimal
// signal number for the child. The end of the stream is the end of everything.
type order struct {
	Probe    bool     `json:"probe,omitempty"` // only set up the namespaces and report
	Level    level    `json:"level"`
	Network  bool     `json:"network,omitempty"`
	Path     string   `json:"path,omitempty"`
	Args     []string `json:"args,omitempty"`
	Dir      string   `json:"dir,omitempty"`
	Env      []string `json:"env,omitempty"`
	Files    int      `json:"files,omitempty"` // extra files, from firstExtraFD on
	Umask    int      `json:"umask,omitempty"`
	Hostname string   `json:"hostname,omitempty"`
	Nice     int      `json:"nice,omitempty"`
	Binds    []Bind   `json:"binds,omitempty"`
	Hide     []string `json:"hide,omitempty"`
	Root     string   `json:"root,omitempty"`
}

// news is what the supervisor tells its owner, one JSON line each on descriptor newsFD: first Started or Error, at the end Ended.
type news struct {
	Started bool   `json:"started,omitempty"`
	Error   string `json:"error,omitempty"`
	Errno   int    `json:"errno,omitempty"`
	Exec    bool   `json:"exec,omitempty"` // the namespaces were made, the program could not be executed
	Ended   bool   `json:"ended,omitempty"`
	Status  uint32 `json:"status,omitempty"` // as wait4 gives it
	User    int64  `json:"user,omitempty"`   // microseconds
	Sys     int64  `json:"sys,omitempty"`    // microseconds
	MaxRSS  int64  `json:"max_rss,omitempty"`
}

// The supervisor's name (its argv[0], which ps shows) and its descriptors.
const (
	marker       = "plugproof-supervisor"
	orderFD      = 3
	newsFD       = 4
	firstExtraFD = 5
)
