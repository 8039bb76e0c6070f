package abi

import (
	"errors"
	"fmt"

	"github.com/plugproof/plugproof/verify/goelf"
)

// module is one runtime.moduledata of the process.
type module struct {
	obj       *object
	next      int // index of its last word, in its own layout
	linked    bool
	foreign   bool // it has another layout than the host's although `next` lies in the same place
	bad       bool
	typemap   bool // not nil: plugin.Open takes it for a module that it has initialised before
	active    bool // in activeModules: passed the checks
	path      string
	addr      uint64
	hostBuilt bool
}

// modules is the runtime's list, which begins with the host's own.
type modules struct {
	layout layout
	known  bool // the host's layout is in the table
	list   []*module
	last   *module // what runtime.lastmoduledatap points at
}

func (m *modules) begin(host *object) error {
	size, err := host.file.ModuleDataSize()
	if err != nil {
		return fmt.Errorf("reading the module data of %q: %w", host.path, err)
	}
	m.layout, m.known = hostLayout(host.version, size, host.file.PtrSize())
	first := &module{obj: host, next: m.layout.next, linked: true, active: true, hostBuilt: true}
	m.list, m.last = []*module{first}, first
	return nil
}

// link is what a plugin's init_array does before plugin.Open looks: its own copy of addmoduledata writes its address into `next` of the last
// module, at its own offset of that field, and makes itself the last.
func (m *modules) link(o *object, plugin *goelf.Module) (*module, error) {
	size, err := o.file.ModuleDataSize()
	if err != nil {
		return nil, fmt.Errorf("reading the module data of %q: %w", o.path, err)
	}
	at := 0
	if plugin.Start != 0 {
		at = int(plugin.Field-plugin.Start) / o.file.PtrSize()
	}
	l, known := pluginLayout(size, at, o.file.PtrSize())
	n := &module{obj: o, next: l.next, path: plugin.Path, addr: plugin.Start}
	if l.next == m.layout.next {
		n.linked = m.last.linked && m.last.next == m.layout.next
		n.foreign = m.known && (known && l != m.layout || at != 0 && at != m.layout.pkghashes)
	} else if m.known && m.last.next == m.layout.next && !m.last.foreign {
		switch l.next { // the address lands in another field of the last module
		case m.layout.bad:
			if byte(n.addr>>(8*m.layout.badByte)) != 0 {
				m.last.bad = true
			}
		case m.layout.typemap:
			m.last.typemap = true
		}
	}
	m.list, m.last = append(m.list, n), n
	return n, nil
}

// newest is the module that plugin.lastmoduleinit takes: the last of the list, nil when the list is empty or ends with a bad one.
func (m *modules) newest() *module {
	var md *module
	for _, n := range m.list[1:] {
		if n.linked {
			md = n
		}
	}
	if md == nil || md.bad {
		return nil
	}
	return md
}

// activate is modulesinit and typelinksinit: every module of the list that is not bad is one of the runtime's from now on, one that came as a
// library too.
func (m *modules) activate() {
	for _, n := range m.list[1:] {
		if n.linked && !n.bad {
			n.active, n.typemap, n.obj.failed = true, true, false
		}
	}
}

// samePath finds an active module with a plugin path. The host's is empty.
func (m *modules) samePath(path string) *module {
	for _, n := range m.list {
		if n.active && !n.hostBuilt && n.path == path {
			return n
		}
	}
	return nil
}

// moduleOf reads a file's plugin data; nil when it has none.
func moduleOf(o *object) (*goelf.Module, error) {
	m, err := o.file.Plugin()
	if errors.Is(err, goelf.ErrNoPlugin) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.path, err)
	}
	return m, nil
}
