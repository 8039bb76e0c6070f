package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/harness/vm"
)

// agree is one comparison: toolchains, machines, and what is kept of them.
type agree struct {
	shop  *workshop
	cache string // plugproof's
	fresh bool
	say   func(string)

	places    map[string]*place
	compilers map[target]compiler
	machines  map[target]*vm.Machine
	locks     map[string][]byte // texts, by the host's file
	digests   map[string]string // of files
	spent     time.Duration     // CPU time of observing
}

// place finds the toolchains of a target and a Go.
func (a *agree) place(ctx context.Context, t target, goName string) (*place, error) {
	key := t.String() + "/" + goName
	if p := a.places[key]; p != nil {
		return p, nil
	}
	if a.places == nil {
		a.places, a.compilers, a.machines = map[string]*place{}, map[target]compiler{}, map[target]*vm.Machine{}
		a.locks, a.digests = map[string][]byte{}, map[string]string{}
	}
	cc, ok := a.compilers[t]
	if !ok {
		var err error
		if cc, err = a.shop.compiler(ctx, t); err != nil {
			return nil, err
		}
		a.compilers[t] = cc
	}
	g, err := a.shop.store.Go(ctx, goName)
	if err != nil {
		return nil, err
	}
	p := &place{target: t, goName: goName, root: g.GOROOT, cc: cc}
	a.places[key] = p
	return p, nil
}

// prepareAll makes all files, and says how it goes on.
func (a *agree) prepareAll(ctx context.Context, all []sequence) ([]*scene, error) {
	var out []*scene
	begun := time.Now()
	told := begun
	for i, s := range all {
		sc, err := a.prepare(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, sc)
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			a.say(fmt.Sprintf("building: %d of %d sequences have their files (%d made now, %.0f CPU s)", i+1, len(all), a.shop.made, a.shop.spent.Seconds()))
		}
	}
	a.say(fmt.Sprintf("%d sequences have their files: %d made now in %.0f CPU s", len(all), a.shop.made, a.shop.spent.Seconds()))
	return out, nil
}

// base is the directory below which a target's files lie when they are run.
func (a *agree) base(t target) string {
	if t.libc == "glibc" {
		return a.nativeDir()
	}
	return guest.PayloadDir
}

// machine prepares a target's virtual machine.
func (a *agree) machine(ctx context.Context, t target) (*vm.Machine, error) {
	if m := a.machines[t]; m != nil {
		return m, nil
	}
	cc := a.compilers[t]
	p, err := a.place(ctx, t, "go1.26.8")
	if err != nil {
		return nil, err
	}
	m, err := vm.Prepare(ctx, vm.Setup{Arch: t.arch, Cache: a.cache, Go: filepath.Join(p.root, "bin", "go"), Loader: cc.loader, LoaderPath: cc.interp, Log: a.say})
	if err == nil {
		a.machines[t] = m
	}
	return m, err
}

// compareAll observes and judges every sequence.
func (a *agree) compareAll(ctx context.Context, all []sequence) (*counts, error) {
	scenes, err := a.prepareAll(ctx, all)
	if err != nil {
		return nil, err
	}
	got, err := a.observeAll(ctx, scenes)
	if err != nil {
		return nil, err
	}
	c := newCounts()
	begun := time.Now()
	for i, sc := range scenes {
		rep, lock, err := a.predict(sc)
		if err != nil {
			return nil, err
		}
		fates, text := judge(sc, rep, got[i])
		c.add(sc, rep, fates, text, lock)
	}
	if err := a.checkOrders(c, scenes, got); err != nil {
		return nil, err
	}
	a.say(fmt.Sprintf("predicted %d sequences twice in %.1f s", len(scenes), time.Since(begun).Seconds()))
	c.made, c.building, c.observing = a.shop.made, a.shop.spent, a.spent
	return c, nil
}

// observeAll finds out what each sequence does: from what was kept, or for real.
func (a *agree) observeAll(ctx context.Context, scenes []*scene) ([]*seen, error) {
	got := make([]*seen, len(scenes))
	keys := make([]string, len(scenes))
	queues := map[string][]int{}
	var order []string
	left := 0
	for i, sc := range scenes {
		var err error
		if keys[i], err = a.key(sc); err != nil {
			return nil, err
		}
		if !a.fresh {
			if got[i] = a.kept(keys[i]); got[i] != nil && len(got[i].Plugins) == len(sc.plugins) {
				continue
			}
		}
		got[i] = nil
		q := sc.target.String() + "/" + sc.goName
		if queues[q] == nil {
			order = append(order, q)
		}
		queues[q] = append(queues[q], i)
		left++
	}
	a.say(fmt.Sprintf("%d of %d sequences were seen before", len(scenes)-left, len(scenes)))
	done := 0
	for _, q := range order {
		for queue := queues[q]; len(queue) > 0; {
			n := min(len(queue), perMachine)
			batch := queue[:n]
			queue = queue[n:]
			if err := a.observe(ctx, scenes, batch, got); err != nil {
				return nil, err
			}
			for _, i := range batch {
				if err := a.keep(keys[i], got[i]); err != nil {
					return nil, err
				}
			}
			done += n
			a.say(fmt.Sprintf("observing: %d of %d (%s, %.0f CPU s)", done, left, q, a.spent.Seconds()))
		}
	}
	return got, nil
}

// observe runs a batch of one target.
func (a *agree) observe(ctx context.Context, scenes []*scene, batch []int, got []*seen) error {
	t := scenes[batch[0]].target
	if t.libc == "glibc" {
		for _, i := range batch {
			s, cpu, err := natively(ctx, scenes[i], a.nativeDir())
			if err != nil {
				return fmt.Errorf("running %s: %w", scenes[i], err)
			}
			got[i] = s
			a.spent += cpu
		}
		return nil
	}
	m, err := a.machine(ctx, t)
	if err != nil {
		return err
	}
	var part []*scene
	for _, i := range batch {
		part = append(part, scenes[i])
	}
	all, cpu, err := inMachine(ctx, m, part)
	if err != nil {
		return fmt.Errorf("running %d sequences from %s on: %w", len(part), part[0], err)
	}
	a.spent += cpu
	for k, i := range batch {
		got[i] = all[k]
	}
	return nil
}
