package abi

import (
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Orders says how the outcome depends on the order in which plugins are opened.
type Orders struct {
	Pairs []Pair   `json:"pairs"` // the ordered pairs in which the first changes the outcome of the second
	Safe  []string `json:"safe"`  // an order in which every plugin opens; null when none was found
	Proof []string `json:"proof"` // why there is none; null when none was found and none was proven not to exist
}

// Pair is a plugin that is opened after another one, in a process that opens only these two.
type Pair struct {
	First   string  `json:"first"`
	Second  string  `json:"second"`
	Alone   Verdict `json:"alone"` // the second's verdict when it is opened alone
	Verdict Verdict `json:"verdict"`
	Error   *string `json:"error"`
}

// CheckOrders predicts every ordered pair of plugins, and looks for an order in which all open. Where it finds none it says why there is none, if that
// is certain, and else that none was found.
func CheckOrders(host Input, plugins []Input, opt Options) (*Orders, error) {
	opt.NoDigest, opt.NoCode = true, true // the report has both already
	if opt.files == nil {
		opt.files = newFileCache()
	}
	s := &ordering{host: host, plugins: plugins, opt: opt, alone: make([]*Plugin, len(plugins)), after: make([][]*Plugin, len(plugins))}
	if err := s.predictPairs(); err != nil {
		return nil, err
	}
	out := &Orders{Pairs: []Pair{}, Proof: []string{}}
	for i, a := range plugins {
		for j, b := range plugins {
			if v := s.after[i][j]; v != nil && v.Verdict != s.alone[j].Verdict {
				out.Pairs = append(out.Pairs, Pair{a.Path, b.Path, s.alone[j].Verdict, v.Verdict, v.Error})
			}
		}
	}
	return out, s.search(out)
}

// ordering is what is known of plugins while an order is looked for.
type ordering struct {
	host    Input
	plugins []Input
	opt     Options
	alone   []*Plugin   // each plugin's outcome when it is opened first
	after   [][]*Plugin // [i][j] is that of j when i was opened before; nil for i itself

	mu    sync.Mutex
	done  int
	opens int // of the search
}

// predictPairs fills in alone and after. The processes are independent, so as many are simulated at a time as there are processors.
func (s *ordering) predictPairs() error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range s.plugins {
		g.Go(func() (err error) {
			s.alone[i], err = s.last(i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range s.plugins {
		g.Go(func() error {
			after := make([]*Plugin, len(s.plugins))
			for j := range s.plugins {
				if i == j {
					continue
				}
				var err error
				if after[j], err = s.last(i, j); err != nil {
					return err
				}
			}
			s.after[i] = after
			return nil
		})
	}
	return g.Wait()
}

// last is the outcome of the last of some plugins, opened in their order.
func (s *ordering) last(order ...int) (*Plugin, error) {
	r, err := s.predict(order)
	if err != nil {
		return nil, err
	}
	return &r.Plugins[len(order)-1], nil
}

func (s *ordering) predict(order []int) (*Report, error) {
	ins := make([]Input, len(order))
	for k, i := range order {
		ins[k] = s.plugins[i]
	}
	r, err := Predict(s.host, ins, s.opt)
	if err != nil {
		return nil, err
	}
	if s.opt.Progress != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		n := len(s.plugins)
		s.done++
		s.opt.Progress(s.done, max(s.done, n*n+1)) // alone, in pairs, and all together
	}
	return r, nil
}
