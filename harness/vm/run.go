package vm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
)

// Run runs the job in a fresh machine. What the job's commands did, and also a guest that panicked and a QEMU that failed,
// is in the Outcome; an error is a job that cannot be given to a machine, a missing QEMU (*MissingError), or the end of ctx.
func (m *Machine) Run(ctx context.Context, job Job) (*Outcome, error) {
	disk, written, err := m.payload(job.Files)
	if err != nil {
		return nil, fmt.Errorf("running in a virtual machine: %w", err)
	}
	defer disk.Close()
	return m.run(ctx, job, guest.Order{Mode: "job", Commands: job.Commands, Remount: !written.Standard}, disk, written.Bytes)
}

// run starts a machine, gives the order and hears the guest out.
func (m *Machine) run(ctx context.Context, job Job, order guest.Order, disk *os.File, payload int64) (*Outcome, error) {
	out := &Outcome{QEMU: m.Version, Accelerator: m.Accel, MemoryMiB: m.memory(payload)}
	begun := time.Now()
	s, err := m.ready(ctx, job, disk, out)
	if err != nil {
		return nil, fmt.Errorf("running in a virtual machine: %w", err)
	}
	defer func() {
		out.Wall = time.Since(begun)
	}()
	earlier := out.CPU // of a machine that was booted to be saved
	if s.fault == nil {
		out.ReadyCPU = earlier + s.watch.used()
		s.release(order)
		s.listen(ctx)
		if errors.Is(s.fault, errHung) || errors.Is(s.fault, errSilent) {
			s.takeRegisters(ctx)
			s.listTasks(ctx)
		}
	}
	out.CPU = earlier + s.watch.used()
	s.q.kill()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("running in a virtual machine: %w", err)
	}
	s.conclude(out)
	return out, nil
}

// memory is the class in MiB for a payload of that many bytes.
func (m *Machine) memory(payload int64) int {
	switch {
	case m.MemoryMiB > 0:
		return m.MemoryMiB
	case payload > LargePayload:
		return LargeMemory
	}
	return SmallMemory
}

// session is one machine from its start to its end.
type session struct {
	q     *qemu
	job   Job
	out   *Outcome
	watch *watchdog
	fault error // why the guest's word is not complete
	ended []guest.End
	text  []Result
	done  bool

	keptBytes int64       // of the files that were sent
	over      [][3]beyond // by command: what of stdout, stderr and report is beyond maxKept

	mon       *monitor
	registers string // QEMU's, when the guest hung

	started func() // called when a command starts; may be nil
}

// errStopped and its like say why a session could not go on; conclude turns them into kinds.
var (
	errStopped = errors.New("QEMU was stopped or made no progress")
	errHung    = errors.New("the guest used up its CPU time")
	errSilent  = fmt.Errorf("the machine stands still: neither output nor work for %v", stall)
	errOff     = errors.New("the guest switched its machine off or restarted it before it was done")
)

// ready gives a session whose guest waits for its order: restored from a saved machine if that is wanted and works, else
// booted. What went wrong on the way is in the outcome's notes.
func (m *Machine) ready(ctx context.Context, job Job, disk *os.File, out *Outcome) (*session, error) {
	if m.Saved != "" {
		s, err := m.restored(ctx, job, disk, out)
		if err == nil || ctx.Err() != nil {
			return s, err
		}
		out.Notes = append(out.Notes, "booted, because a saved machine could not be used: "+err.Error())
	}
	return m.boot(ctx, job, launch{disk: disk, memory: out.MemoryMiB}, out)
}

// boot starts QEMU and waits for the guest's greeting.
func (m *Machine) boot(ctx context.Context, job Job, l launch, out *Outcome, extra ...*os.File) (*session, error) {
	q, err := m.start(ctx, l, job.Talk, extra...)
	if err != nil {
		return nil, err
	}
	s := &session{q: q, job: job, out: out, text: make([]Result, len(job.Commands))}
	s.watch = newWatchdog(q, BootBudget)
	out.Boots++
	frame, err := s.next(ctx, guest.NewDecoder(q.out, guest.Nonce{}))
	var greeting guest.Greeting
	switch {
	case err != nil:
		s.fault = fmt.Errorf("booting: %w", err)
	case frame.Kind != guest.Ready:
		s.fault = fmt.Errorf("booting: the guest said %d in place of its greeting", frame.Kind)
	default:
		if err := json.Unmarshal(frame.Payload, &greeting); err != nil {
			s.fault = fmt.Errorf("booting: %w", err)
		}
	}
	out.Release, out.Configured = greeting.Release, greeting.Configured
	return s, nil
}

// release gives the guest its order, the time and something random.
func (s *session) release(order guest.Order) {
	var nonce guest.Nonce
	rand.Read(nonce[:])
	seed := make([]byte, 64)
	rand.Read(seed)
	order.Nonce, order.UnixNS, order.Seed = string(nonce[:]), time.Now().UnixNano(), string(seed)
	s.watch.nonce = nonce
	raw := order.Encode()
	budget := s.job.Budget
	if budget <= 0 {
		budget = DefaultBudget
	}
	s.watch.restart(budget)
	s.watch.enc = guest.NewEncoder(s.q.in, guest.Nonce{})
	for last := false; !last && s.fault == nil; {
		part := raw[:min(len(raw), guest.MaxPayload-1)]
		raw = raw[len(part):]
		head := []byte{0}
		if last = len(raw) == 0; last {
			head[0] = 1
		}
		if err := s.watch.enc.Send(guest.Hello, append(head, part...)); err != nil {
			s.fault = fmt.Errorf("giving the order: %w", err)
		}
	}
}

// listen takes frames until the guest is done or cannot be believed any more.
func (s *session) listen(ctx context.Context) {
	dec := guest.NewDecoder(s.q.out, s.watch.nonce)
	current := -1
	for s.fault == nil && !s.done {
		seal := dec.Seal()
		frame, err := s.next(ctx, dec)
		if err != nil {
			s.fault = err
			return
		}
		s.fault = s.take(frame, &current, seal)
	}
}

// take notes what one frame says.
func (s *session) take(f guest.Frame, current *int, want guest.Seal) error {
	inCommand := *current >= 0 && *current < len(s.text)
	switch f.Kind {
	case guest.Started:
		start, err := guest.DecodeStart(f.Payload)
		if err != nil || start.Index != *current+1 {
			return fmt.Errorf("the guest started command %q out of order", f.Payload)
		}
		*current = start.Index
		if s.started != nil {
			s.started()
		}
	case guest.Stdout, guest.Stderr, guest.Report:
		if !inCommand {
			return fmt.Errorf("the guest sent output of no command")
		}
		return s.output(f, *current)
	case guest.Kept:
		if !inCommand {
			return fmt.Errorf("the guest sent a file of no command")
		}
		return s.kept(f, &s.text[*current])
	case guest.Beat:
	case guest.Ended:
		end, err := guest.DecodeEnd(f.Payload)
		if err != nil || end.Index != len(s.ended) || end.Index != *current {
			return fmt.Errorf("the guest ended command %q out of order", f.Payload)
		}
		s.ended = append(s.ended, end)
		s.watch.rearm()
	case guest.Failed:
		return fmt.Errorf("the guest's init failed: %s", f.Payload)
	case guest.Done:
		seal, err := guest.DecodeSeal(f.Payload)
		if err != nil || seal != want {
			return fmt.Errorf("the guest's seal does not cover what it sent")
		}
		s.done = true
	default:
		return fmt.Errorf("the guest sent a frame of kind %d", f.Kind)
	}
	return nil
}

// output keeps a piece of a stream and passes it on. The guest bounds each stream; so does this.
func (s *session) output(f guest.Frame, current int) error {
	r := &s.text[current]
	to, pass := &r.Stdout, s.job.Stdout
	switch f.Kind {
	case guest.Stderr:
		to, pass = &r.Stderr, s.job.Stderr
	case guest.Report:
		to, pass = &r.Report, nil
	}
	if pass != nil {
		if _, err := pass.Write(f.Payload); err != nil {
			return fmt.Errorf("passing output on: %w", err)
		}
	}
	if s.over == nil {
		s.over = make([][3]beyond, len(s.text))
	}
	over := &s.over[current][f.Kind-guest.Stdout]
	if over.skipped == 0 && len(*to)+len(f.Payload) <= maxKept {
		*to = append(*to, f.Payload...)
		return nil
	}
	over.skipped += int64(len(f.Payload))
	if over.end = append(over.end, f.Payload...); len(over.end) > 2*keptEnd {
		over.end = append(over.end[:0], over.end[len(over.end)-keptEnd:]...)
	}
	return nil
}

// maxKept bounds what the host keeps of one stream in bytes; a Command's OutputLimit is normally far below. Of what is beyond,
// the end is kept, keptEnd bytes at least.
const (
	maxKept = 16 << 20
	keptEnd = 128 << 10
)

// beyond is what of a stream is beyond maxKept.
type beyond struct {
	skipped int64  // bytes, with those of end
	end     []byte // of them
}

// close puts the end of what was beyond behind what was kept, and a line between that says how much is not there.
func (b *beyond) close(kept []byte) ([]byte, int64) {
	if b.skipped == 0 {
		return kept, 0
	}
	left := b.skipped - int64(len(b.end))
	if left > 0 {
		kept = fmt.Appendf(kept, "\n[%d bytes left out]\n", left)
	}
	return append(kept, b.end...), left
}
