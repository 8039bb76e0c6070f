package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/mirror"
)

// kitServeDoc is the `kit serve --json` document, printed when it is ready.
type kitServeDoc struct {
	Schema  string  `json:"schema"`
	URL     string  `json:"url"`
	GOPROXY string  `json:"goproxy"`
	XBPS    *string `json:"xbps"` // where repositories are; null with upstreams alone
}

func newKitServeCmd(a *app) *cobra.Command {
	var listen, log string
	var upstreams []string
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Serve an unpacked kit to go and xbps-install",
		Long: `Serve what a kit was unpacked to, DIR or by default plugproof's cache, until it is interrupted: modules and toolchains
as GOPROXY with the checksum database, repositories of Void packages under xbps/. 'xbps-install' checks signatures of
repositories that it reads over HTTP, and of no others.

A go command that asked the public checksum database before may know a newer tree of it than the kit has, and then
fails with "checking tree#...": give it a GOPATH of its own, as below.

With --upstream it stands before other mirrors and answers from the first one that is well; an answer is whole before
its first byte is sent. --log appends a line for each request, with its time, the answer's SHA-256, who gave it, and the
hash of the line before.`,
		Example: "  plugproof kit serve &\n  GOPATH=$(mktemp -d) GOPROXY=http://127.0.0.1:8077/mod go build ./...\n  plugproof kit serve --listen 127.0.0.1:8070 --upstream http://main:8077 --upstream http://standby:8077 --log audit.jsonl",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := &mirror.Server{Now: a.env.Now}
			for _, u := range upstreams {
				p, err := url.Parse(u)
				if err != nil || p.Scheme != "http" && p.Scheme != "https" || p.Host == "" {
					return usagef("give --upstream the URL of another mirror", "%q is no URL of a mirror", u)
				}
				s.Upstreams = append(s.Upstreams, u)
			}
			if len(upstreams) > 0 {
				s.Database = a.checksumDatabase(cmd.Context())
			}
			cache, err := a.openCache()
			if err != nil {
				return err
			}
			if len(args) == 1 || len(upstreams) == 0 {
				dir := cache
				if len(args) == 1 {
					dir = a.path(args[0])
				}
				if s.Files, err = mirror.OpenFiles(dir); err != nil {
					return usagef("unpack a kit: plugproof kit unpack FILE --key PUB", "%w", err)
				}
				defer s.Files.Close()
			}
			scratch, done, err := a.kitScratch(cache)
			if err != nil {
				return err
			}
			defer done()
			s.Scratch = scratch
			if log != "" {
				f, last, err := openLog(a.path(log))
				if err != nil {
					return err
				}
				defer f.Close()
				s.Log, s.Last = f, last
				s.Broken = func(err error) { a.note("the log cannot be written, and nothing more is answered: %v", err) }
			}
			return a.serve(cmd.Context(), listen, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8077", "listen on `ADDRESS`; port 0 is any that is free")
	f.StringArrayVar(&upstreams, "upstream", nil, "answer from the mirror at `URL`, too; the first one that is well; repeatable")
	f.StringVar(&log, "log", "", "append a line for each request to `FILE`")
	return cmd
}

// checksumDatabase is the name of the one that the go command here asks: the first word of GOSUMDB, up to its key. "" without a go command, or when it
// asks none.
func (a *app) checksumDatabase(ctx context.Context) string {
	goCmd := a.findProgram("go")
	if goCmd == "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, goCmd, "env", "GOSUMDB")
	cmd.Env = append(slices.Clone(a.env.Environ), "GOTOOLCHAIN=local")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	name, _, _ := strings.Cut(first, "+")
	if name == "off" {
		return ""
	}
	return name
}

// openLog opens a log whose chain of hashes holds.
func openLog(path string) (*os.File, string, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, "", usagef("give --log a file", "%q is no regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, "", usagef("give --log a file", "%w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // until the file is closed
		f.Close()
		return nil, "", usagef("give each server a log of its own", "locking %q: another server writes it: %w", path, err)
	}
	_, last, err := mirror.CheckLog(f)
	if err != nil {
		f.Close()
		return nil, "", usagef("keep it, and begin another", "%q: %w", path, err)
	}
	return f, last, nil
}

// farewell is how long answers that were begun may take after an interrupt.
const farewell = 5 * time.Second

func (a *app) serve(ctx context.Context, address string, s *mirror.Server) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return usagef("name a free address by --listen", "%w", err)
	}
	base := "http://" + l.Addr().String()
	doc := kitServeDoc{Schema: "plugproof/kit-serve/v1", URL: base, GOPROXY: base + "/mod"}
	if s.Files != nil {
		x := base + "/xbps"
		doc.XBPS = &x
	}
	if a.json {
		err = a.printJSON(doc)
	} else {
		err = a.print(fmt.Sprintf("GOPROXY=%s\n", doc.GOPROXY))
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if h.Shutdown(end) != nil {
			h.Close()
		}
	})
	defer stop()
	if len(s.Upstreams) > 0 {
		go s.Watch(ctx, 2*time.Second, func(u string, well bool) { // ends with ctx
			if well {
				a.note("upstream %s is well again", u)
			} else {
				a.note("upstream %s does not answer", u)
			}
		})
	}
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// kitSyncDoc is the `kit sync --json` document.
type kitSyncDoc struct {
	Schema  string `json:"schema"`
	From    string `json:"from"`
	Into    string `json:"into"`
	Fetched int    `json:"fetched"`
	Removed int    `json:"removed"`
	Index   string `json:"index"` // digest of both indexes, which are equal
}

func newKitSyncCmd(a *app) *cobra.Command {
	var from, into string
	cmd := &cobra.Command{
		Use:   "sync --from URL --into DIR",
		Short: "Bring a standby mirror up to date, and prove it equal",
		Long: `Make what a mirror serves from DIR that which the mirror at URL serves: what is new is fetched, what differs
replaced, what it lacks removed. Each file is checked by its digest before it takes its place. At the end both
indexes, which name every file by SHA-256, have the same digest, or it fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p, err := url.Parse(from); err != nil || p.Scheme != "http" && p.Scheme != "https" || p.Host == "" {
				return usagef("give --from the URL of a mirror", "%q is no URL of a mirror", from)
			}
			fetched, removed, index, err := mirror.Sync(cmd.Context(), from, a.path(into), nil)
			if err != nil {
				return incompletef("is 'plugproof kit serve' running there?", "syncing with %s: %w", from, err)
			}
			if a.json {
				return a.printJSON(kitSyncDoc{"plugproof/kit-sync/v1", from, into, fetched, removed, string(index)})
			}
			return a.print(fmt.Sprintf("%d fetched, %d removed; both indexes are %s\n", fetched, removed, index))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the mirror's `URL`")
	cmd.Flags().StringVar(&into, "into", "", "the standby's `DIR`")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("into")
	return cmd
}
