package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// monitor is a client of QEMU's machine protocol (docs/interop/qmp-spec.rst): one command at a time, events are skipped.
type monitor struct {
	conn  *net.UnixConn
	lines *bufio.Reader
}

// maxLine bounds one message of QEMU in bytes; those that are asked for here have some hundred.
const maxLine = 1 << 20

// openMonitor reads the greeting and leaves negotiation mode.
func openMonitor(ctx context.Context, conn net.Conn) (*monitor, error) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("opening QEMU's monitor: it is no Unix socket")
	}
	m := &monitor{conn: unix, lines: bufio.NewReaderSize(unix, 4096)}
	stop := m.follow(ctx)
	defer stop()
	var greeting struct {
		QMP json.RawMessage `json:"QMP"`
	}
	line, err := m.line()
	if err == nil {
		err = json.Unmarshal(line, &greeting)
	}
	if err == nil && greeting.QMP == nil {
		err = fmt.Errorf("unexpected greeting %.80q", line)
	}
	if err != nil {
		return nil, fmt.Errorf("opening QEMU's monitor: %w", cause(ctx, err))
	}
	return m, m.do(ctx, "qmp_capabilities", nil, nil)
}

// openMonitor opens the session's monitor, once.
func (s *session) openMonitor(ctx context.Context) (*monitor, error) {
	if s.mon != nil {
		return s.mon, nil
	}
	m, err := openMonitor(ctx, s.q.monitor)
	if err == nil {
		s.mon = m
	}
	return m, err
}

// cause is ctx's error if it has ended, else err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// follow makes reads and writes fail when ctx ends; the result takes that back.
func (m *monitor) follow(ctx context.Context) (stop func()) {
	m.conn.SetDeadline(time.Time{})
	undo := context.AfterFunc(ctx, func() { m.conn.SetDeadline(time.Unix(1, 0)) })
	return func() { undo() }
}

// line reads one message.
func (m *monitor) line() ([]byte, error) {
	var all []byte
	for {
		part, err := m.lines.ReadSlice('\n')
		all = append(all, part...)
		switch {
		case len(all) > maxLine:
			return nil, fmt.Errorf("a message of more than %d bytes", maxLine)
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(all) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return all, err
		}
	}
}

// QMPError is QEMU's refusal of a command.
type QMPError struct {
	Command string
	Class   string `json:"class"`
	Desc    string `json:"desc"`
}

func (e *QMPError) Error() string { return fmt.Sprintf("QEMU refuses %q: %s", e.Command, e.Desc) }

// do runs a command and decodes what it returns, unless into is nil. A file goes along by its descriptor (getfd).
func (m *monitor) do(ctx context.Context, command string, arguments, into any, files ...*os.File) error {
	stop := m.follow(ctx)
	defer stop()
	if err := m.exchange(command, arguments, into, files); err != nil {
		var refusal *QMPError
		if errors.As(err, &refusal) {
			return err
		}
		return fmt.Errorf("asking QEMU for %q: %w", command, cause(ctx, err))
	}
	return nil
}

func (m *monitor) exchange(command string, arguments, into any, files []*os.File) error {
	message := map[string]any{"execute": command}
	if arguments != nil {
		message["arguments"] = arguments
	}
	raw, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		rights = syscall.UnixRights(fds...)
	}
	if _, _, err := m.conn.WriteMsgUnix(append(raw, '\n'), rights, nil); err != nil {
		return err
	}
	for {
		line, err := m.line()
		if err != nil {
			return err
		}
		var answer struct {
			Return json.RawMessage `json:"return"`
			Error  *QMPError       `json:"error"`
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			return fmt.Errorf("reading %.80q: %w", line, err)
		}
		switch {
		case answer.Error != nil:
			answer.Error.Command = command
			return answer.Error
		case answer.Return == nil: // an event
		case into == nil:
			return nil
		default:
			return json.Unmarshal(answer.Return, into)
		}
	}
}
