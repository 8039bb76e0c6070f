package toolchain

import (
	"context"
	"sync"
)

// memo keeps the answers of one Store, so that a run of many cells asks each toolchain once. Errors are not kept.
type memo struct {
	mu sync.Mutex
	gm map[string]*answer[Go]
	cm map[string]*answer[C]
}

// answer is one that is being made, or was: whoever holds the lock makes it.
type answer[T any] struct {
	mu   sync.Mutex
	done bool
	val  T
}

func once[T any](mu *sync.Mutex, m *map[string]*answer[T], key string, make func() (T, error)) (T, error) {
	mu.Lock()
	if *m == nil {
		*m = map[string]*answer[T]{}
	}
	a := (*m)[key]
	if a == nil {
		a = new(answer[T])
		(*m)[key] = a
	}
	mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done {
		return a.val, nil
	}
	v, err := make()
	if err == nil {
		a.val, a.done = v, true
	}
	return v, err
}

// Go returns the toolchain that spec names: "go1.25.3", "name=path:DIR" or "path:DIR", whose name is DIR's last element.
// A release that is not there is fetched as the module golang.org/toolchain, which the go command checks against the checksum
// database. An unknown release, or one that cannot be had offline, is an *Error with a hint.
func (s *Store) Go(ctx context.Context, spec string) (Go, error) {
	if !s.Once {
		return s.findGo(ctx, spec)
	}
	return once(&s.memo.mu, &s.memo.gm, spec, func() (Go, error) { return s.findGo(ctx, spec) })
}

// C returns the C toolchain for an architecture and a libc, or the one that override names. A compiler or libc that is not
// installed is an *Error with a hint.
func (s *Store) C(ctx context.Context, arch, libc string, override *CCOverride) (C, error) {
	if !s.Once {
		return s.findC(ctx, arch, libc, override)
	}
	key := arch + "\x00" + libc
	if override != nil {
		key += "\x00" + override.CC
		for _, dir := range override.Path {
			key += "\x00" + dir
		}
	}
	return once(&s.memo.mu, &s.memo.cm, key, func() (C, error) { return s.findC(ctx, arch, libc, override) })
}
