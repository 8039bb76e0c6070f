package repo

import "github.com/plugproof/plugproof/images/xbps/manifest"

// Walker visits what packages need, many times over one Pool: each dependency is resolved once. It is for one goroutine.
type Walker struct {
	pool  *Pool
	id    map[string]int32
	needs [][]int32 // by id; nil until asked for
	mark  []int     // the walk in which an id was seen last
	walk  int
	queue []int32
}

// NewWalker makes a Walker.
func NewWalker(p *Pool) *Walker {
	w := &Walker{pool: p, id: make(map[string]int32, len(p.names)), needs: make([][]int32, len(p.names)), mark: make([]int, len(p.names))}
	for i, name := range p.names {
		w.id[name] = int32(i)
	}
	return w
}

// From visits a package of the pool and all that it needs, nearest first, until visit returns false.
// Dependencies that nothing satisfies are passed over.
func (w *Walker) From(name string, visit func(manifest.Props) bool) {
	start, ok := w.id[name]
	if !ok {
		return
	}
	w.walk++
	w.queue = append(w.queue[:0], start)
	w.mark[start] = w.walk
	for i := 0; i < len(w.queue); i++ {
		id := w.queue[i]
		if !visit(w.pool.packages[w.pool.names[id]]) {
			return
		}
		for _, need := range w.resolve(id) {
			if w.mark[need] != w.walk {
				w.mark[need] = w.walk
				w.queue = append(w.queue, need)
			}
		}
	}
}

func (w *Walker) resolve(id int32) []int32 {
	if w.needs[id] != nil {
		return w.needs[id]
	}
	out := []int32{}
	for _, dep := range w.pool.packages[w.pool.names[id]].RunDepends {
		if p, ok := w.pool.Find(dep); ok {
			out = append(out, w.id[p.Name()])
		}
	}
	w.needs[id] = out
	return out
}
