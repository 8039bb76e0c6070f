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

// Order is what the host asks for. Mode is "job": run the commands one after another, each in a fresh process; "shell": a
// shell on the console; "ping": say Done and nothing else.
type Order struct {
	Nonce    string // 16 bytes
	Mode     string
	UnixNS   int64  // the host's clock, ns since 1970
	Seed     string // for the random pool
	Term     string // TERM of the shell
	Remount  bool   // the payload's root is not as a machine that was saved takes it for (images/rootfs.Standard)
	Commands []Command
}

// PayloadDir is where the guest mounts the payload disk, read-only.
const PayloadDir = "/payload"

// Command is one process to run and watch.
type Command struct {
	Path        string   // of the program in the guest
	Args        []string // with argv[0]
	Env         []string // exactly this
	Dir         string   // "" is /
	Root        bool     // run as root; else as user 1000
	Report      bool     // it has a descriptor 3 to report to
	OutputLimit int64    // bytes kept of each stream, at its beginning and at its end; 0 is DefaultOutputLimit
	IdleLimit   int      // seconds without work or output that make a hang; 0 is DefaultIdleLimit
	Writable    bool     // Dir is on the payload and gets a writable layer, at the same path
	Keep        []string // folders whose files are sent after its end
}

// Defaults of a Command.
const (
	DefaultOutputLimit = 256 << 10 // bytes
	DefaultIdleLimit   = 30        // seconds
)

// MaxKept bounds what is sent of all folders of Keep together, in bytes.
const MaxKept = 64 << 20

// Start says that command Index runs.
type Start struct{ Index int }

// Pulse is sent every second while a command runs.
type Pulse struct {
	IdleSeconds int // how long neither work nor output was seen
}

// End says how command Index ended.
type End struct {
	Index      int
	Exit       int      // exit status; -1 if Signal
	Signal     int      // number of the signal that ended it, or 0
	Hang       string   // "idle" or "budget": it was ended because it hung; else ""
	OOM        bool     // it was killed for want of memory
	Error      string   // it could not be started
	Dropped    [3]int64 // bytes beyond OutputLimit: stdout, stderr, report
	Tail       [3]int64 // how many of the bytes that were sent came after those that were dropped
	Leftovers  int      // processes it left behind, killed
	UserMicros int64
	SysMicros  int64
	MaxRSSKiB  int64 // at least that of the process that it was made from, 5 MiB
}

// Piece is a part of a file below a folder of Command.Keep; the parts of one follow each other.
type Piece struct {
	Folder int    // index in Keep
	Name   string // below it; "" says that not all that is there is sent
	First  bool
	Data   []byte
}

// Seal ends a stream.
type Seal struct {
	Frames uint32 // sent before this one
	Sum    uint32 // CRC-32C of all their bytes
}

// Encode gives the message's bytes; the Decode functions take them back.
func (o Order) Encode() []byte {
	var w writer
	w.text(o.Nonce)
	w.text(o.Mode)
	w.num(o.UnixNS)
	w.text(o.Seed)
	w.text(o.Term)
	w.truth(o.Remount)
	w.num(int64(len(o.Commands)))
	for _, c := range o.Commands {
		w.command(c)
	}
	return w
}

// DecodeOrder reads an Order.
func DecodeOrder(b []byte) (Order, error) {
	r := fields{left: b}
	o := Order{Nonce: r.text(), Mode: r.text(), UnixNS: r.num(), Seed: r.text(), Term: r.text(), Remount: r.truth()}
	for range r.length() {
		o.Commands = append(o.Commands, r.command())
	}
	return o, r.done()
}

// Encode gives the command's bytes.
func (c Command) Encode() []byte {
	var w writer
	w.command(c)
	return w
}

// DecodeCommand reads a Command.
func DecodeCommand(b []byte) (Command, error) {
	r := fields{left: b}
	c := r.command()
	return c, r.done()
}

func (w *writer) command(c Command) {
	w.text(c.Path)
	w.list(c.Args)
	w.list(c.Env)
	w.text(c.Dir)
	w.truth(c.Root)
	w.truth(c.Report)
	w.num(c.OutputLimit)
	w.num(int64(c.IdleLimit))
	w.truth(c.Writable)
	w.list(c.Keep)
}

func (r *fields) command() Command {
	return Command{Path: r.text(), Args: r.list(), Env: r.list(), Dir: r.text(), Root: r.truth(), Report: r.truth(),
		OutputLimit: r.num(), IdleLimit: int(r.num()), Writable: r.truth(), Keep: r.list()}
}

// Encode gives the message's bytes.
func (s Start) Encode() []byte {
	var w writer
	w.num(int64(s.Index))
	return w
}

// DecodeStart reads a Start.
func DecodeStart(b []byte) (Start, error) {
	r := fields{left: b}
	s := Start{Index: int(r.num())}
	return s, r.done()
}

// Encode gives the message's bytes.
func (p Pulse) Encode() []byte {
	var w writer
	w.num(int64(p.IdleSeconds))
	return w
}

// DecodePulse reads a Pulse.
func DecodePulse(b []byte) (Pulse, error) {
	r := fields{left: b}
	p := Pulse{IdleSeconds: int(r.num())}
	return p, r.done()
}

// Encode gives the message's bytes.
func (e End) Encode() []byte {
	var w writer
	w.num(int64(e.Index))
	w.num(int64(e.Exit))
	w.num(int64(e.Signal))
	w.text(e.Hang)
	w.truth(e.OOM)
	w.text(e.Error)
	for i := range e.Dropped {
		w.num(e.Dropped[i])
		w.num(e.Tail[i])
	}
	w.num(int64(e.Leftovers))
	w.num(e.UserMicros)
	w.num(e.SysMicros)
	w.num(e.MaxRSSKiB)
	return w
}

// DecodeEnd reads an End.
func DecodeEnd(b []byte) (End, error) {
	r := fields{left: b}
	e := End{Index: int(r.num()), Exit: int(r.num()), Signal: int(r.num()), Hang: r.text(), OOM: r.truth(), Error: r.text()}
	for i := range e.Dropped {
		e.Dropped[i], e.Tail[i] = r.num(), r.num()
	}
	e.Leftovers, e.UserMicros, e.SysMicros, e.MaxRSSKiB = int(r.num()), r.num(), r.num(), r.num()
	return e, r.done()
}

// Encode gives the message's bytes.
func (p Piece) Encode() []byte {
	var w writer
	w.num(int64(p.Folder))
	w.text(p.Name)
	w.truth(p.First)
	w.text(string(p.Data))
	return w
}

// DecodePiece reads a Piece.
func DecodePiece(b []byte) (Piece, error) {
	r := fields{left: b}
	p := Piece{Folder: int(r.num()), Name: r.text(), First: r.truth(), Data: []byte(r.text())}
	return p, r.done()
}

// Encode gives the message's bytes.
func (s Seal) Encode() []byte {
	var w writer
	w.num(int64(s.Frames))
	w.num(int64(s.Sum))
	return w
}

// DecodeSeal reads a Seal.
func DecodeSeal(b []byte) (Seal, error) {
	r := fields{left: b}
	s := Seal{Frames: uint32(r.num()), Sum: uint32(r.num())}
	return s, r.done()
}
