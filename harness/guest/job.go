package guest

// Greeting is what the agent says once it has booted.
type Greeting struct {
	Release string `json:"release"` // uname -r
	Machine string `json:"machine"` // uname -m

	Configured []Configured `json:"configured,omitempty"` // INSTALL scripts that were run at this, the first boot
}

// Configured is how a package's INSTALL script ended.
type Configured struct {
	Package string `json:"package"`          // pkgver
	Exit    int    `json:"exit"`             // 128+n after signal n; -1 if it was not run
	Error   string `json:"error,omitempty"`  // why it was not run, or not to its end
	Output  string `json:"output,omitempty"` // the end of what it wrote
}

// Order is what the host asks for. Mode is "job": run /payload/job.json; "shell": a shell on the console; "ping": say
// Done and nothing else.
type Order struct {
	Nonce   []byte `json:"nonce"`
	Mode    string `json:"mode"`
	UnixNS  int64  `json:"unix_ns"`        // the host's clock, ns since 1970
	Seed    []byte `json:"seed"`           // for the random pool
	JobHash string `json:"job_hash"`       // SHA-256 of job.json, hexadecimal
	Term    string `json:"term,omitempty"` // TERM of the shell
}

// JobFile is where on the payload disk the Job lies; files for commands lie beside it under any other name.
const JobFile = "job.json"

// PayloadDir is where the guest mounts the payload disk, read-only.
const PayloadDir = "/payload"

// Job is what the guest is to do: the commands one after another, each in a fresh process.
type Job struct {
	Commands []Command `json:"commands"`
}

// Command is one process to run and watch.
type Command struct {
	Path        string   `json:"path"` // of the program in the guest
	Args        []string `json:"args"` // with argv[0]
	Env         []string `json:"env"`  // exactly this
	Dir         string   `json:"dir"`  // "" is /
	Root        bool     `json:"root"` // run as root; else as user 1000
	Report      bool     `json:"report"`
	OutputLimit int64    `json:"output_limit"` // bytes kept of each stream; 0 is DefaultOutputLimit
	IdleLimit   int      `json:"idle_limit"`   // seconds without work or output that make a hang; 0 is DefaultIdleLimit
	Writable    bool     `json:"writable"`     // Dir is on the payload and gets a writable layer, at the same path
}

// Defaults of a Command.
const (
	DefaultOutputLimit = 256 << 10 // bytes
	DefaultIdleLimit   = 30        // seconds
)

// Start says that command Index runs.
type Start struct {
	Index int `json:"index"`
}

// Pulse is sent every second while a command runs.
type Pulse struct {
	IdleSeconds int `json:"idle_seconds"` // how long neither work nor output was seen
}

// End says how command Index ended.
type End struct {
	Index      int      `json:"index"`
	Exit       int      `json:"exit"`            // exit status; -1 if Signal
	Signal     int      `json:"signal"`          // number of the signal that ended it, or 0
	Hang       string   `json:"hang,omitempty"`  // "idle" or "budget": it was ended because it hung
	OOM        bool     `json:"oom,omitempty"`   // the kernel killed for want of memory while it ran
	Error      string   `json:"error,omitempty"` // it could not be started
	Dropped    [3]int64 `json:"dropped"`         // bytes beyond OutputLimit: stdout, stderr, report
	Leftovers  int      `json:"leftovers"`       // processes it left behind, killed
	UserMicros int64    `json:"user_us"`
	SysMicros  int64    `json:"sys_us"`
	MaxRSSKiB  int64    `json:"maxrss_kib"`
}

// Seal ends a stream.
type Seal struct {
	Frames uint32 `json:"frames"` // sent before this one
	SHA256 []byte `json:"sha256"` // of all their bytes
}
