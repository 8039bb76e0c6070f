package mirror

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client gives up on upstreams that do not answer; a long answer that flows may take its time.
var client = &http.Client{Transport: &http.Transport{
	DialContext: (&net.Dialer{Timeout: patience}).DialContext, ResponseHeaderTimeout: patience, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
}}

func (s *Server) http() *http.Client {
	if s.Client != nil {
		return s.Client
	}
	return client
}

// order is the upstreams, last those that failed a moment ago or, where they are watched, that were not found well since.
func (s *Server) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	tired := func(u string) int {
		if t, ok := s.failed[u]; ok && (s.watched || now.Sub(t) < rest) {
			return 1
		}
		return 0
	}
	out := slices.Clone(s.Upstreams)
	slices.SortStableFunc(out, func(a, b string) int { return tired(a) - tired(b) })
	return out
}

func (s *Server) fail(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = map[string]time.Time{}
	}
	s.failed[u] = s.Now()
}

// recovered takes back a failure of before.
func (s *Server) recovered(u string, asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.failed[u]; ok && asked.Sub(t) >= rest {
		delete(s.failed, u)
	}
}

// Watch asks each upstream every now and then how it is, until ctx ends, so that a request need not find out.
func (s *Server) Watch(ctx context.Context, every time.Duration, tell func(upstream string, well bool)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.mu.Lock()
	s.watched = true
	s.mu.Unlock()
	was := map[string]bool{}
	for {
		for _, u := range s.Upstreams {
			asked := s.Now()
			well := s.health(ctx, u)
			if well {
				s.recovered(u, asked)
			} else {
				s.fail(u)
			}
			if old, ok := was[u]; tell != nil && ctx.Err() == nil && (!ok && !well || ok && old != well) {
				tell(u, well)
			}
			was[u] = well
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) health(ctx context.Context, u string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := s.get(ctx, u, HealthPath)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *Server) get(ctx context.Context, u, path string) (*http.Response, error) {
	to, err := url.Parse(strings.TrimSuffix(u, "/"))
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancelCause(ctx)
	cancel := func() { end(nil) }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.JoinPath(path).String(), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	resp, err := s.http().Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = watched(ctx, resp.Body, end)
	return resp, nil
}

// ask gets a whole answer of an upstream. One that ends early, or whose bytes are not those that the upstream or the checksum
// database's record of it name, is a failure.
func (s *Server) ask(ctx context.Context, u, name string) (io.ReadSeekCloser, error) {
	resp, err := s.get(ctx, u, "/"+name)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fs.ErrNotExist
	default:
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	limit := int64(maxAnswer)
	switch {
	case isInfo(name):
		limit = maxInfo
	case strings.HasPrefix(name, "mod/") && strings.HasSuffix(name, ".mod"):
		limit = maxMod
	}
	f, err := s.keep(resp.Body, limit)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, u, name, f, resp.Header.Values(digestHeader)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
