package cli

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/harness/cli/cachedir"
)

// defaultCacheSize is what `cache prune` leaves at most, in bytes, unless told otherwise.
const defaultCacheSize = "10G"

// cachePath is where the cache lies. It is not made.
func (a *app) cachePath() (string, error) {
	for _, try := range []struct{ name, below string }{
		{"PLUGPROOF_CACHE", ""}, {"XDG_CACHE_HOME", "plugproof"}, {"HOME", ".cache/plugproof"},
	} {
		dir := a.getenv(try.name)
		if dir == "" || !filepath.IsAbs(dir) && try.name == "XDG_CACHE_HOME" { // "relative: ignore", XDG base directory specification
			continue
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(a.env.Dir, dir)
		}
		return filepath.Join(dir, try.below), nil
	}
	return "", usagef("set PLUGPROOF_CACHE to a directory", "no place for the cache: PLUGPROOF_CACHE, XDG_CACHE_HOME and HOME are not set")
}

// openCache is the cache's directory, made and tagged as plugproof's: what the packages below get.
func (a *app) openCache() (string, error) {
	dir, err := a.cachePath()
	if err == nil {
		err = cachedir.Tag(dir)
	}
	return dir, err
}

// cacheKind is a line of `cache`.
type cacheKind struct {
	Kind    string `json:"kind"`
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

// cacheDoc is the `cache --json` document.
type cacheDoc struct {
	Schema  string      `json:"schema"`
	Dir     string      `json:"dir"`
	Kinds   []cacheKind `json:"kinds"`
	Entries int         `json:"entries"`
	Bytes   int64       `json:"bytes"` // on disk
}

func newCacheCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Show the cache, or prune it",
		Long: `Show what the cache holds, by kind: entries and bytes on disk. It lies in $PLUGPROOF_CACHE, else in
$XDG_CACHE_HOME/plugproof, else in $HOME/.cache/plugproof. Everything in it can be made or downloaded again.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.cachePath()
			if err != nil {
				return err
			}
			entries, err := cachedir.Scan(dir)
			if err != nil {
				return err
			}
			doc := cacheDoc{Schema: "plugproof/cache/v1", Dir: dir, Kinds: []cacheKind{}}
			for _, e := range entries { // sorted by kind
				if n := len(doc.Kinds); n == 0 || doc.Kinds[n-1].Kind != e.Kind {
					doc.Kinds = append(doc.Kinds, cacheKind{Kind: e.Kind})
				}
				k := &doc.Kinds[len(doc.Kinds)-1]
				k.Entries++
				k.Bytes += e.Bytes
				doc.Entries++
				doc.Bytes += e.Bytes
			}
			if a.json {
				return a.printJSON(doc)
			}
			var b strings.Builder
			for _, k := range append(doc.Kinds, cacheKind{"total", doc.Entries, doc.Bytes}) {
				fmt.Fprintf(&b, "%-16s %6d entries  %10s\n", k.Kind, k.Entries, size(k.Bytes))
			}
			return a.print(b.String() + dir + "\n")
		},
	}
	cmd.AddCommand(newCachePruneCmd(a), newCacheDirCmd(a))
	return cmd
}

func newCacheDirCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dir",
		Short: "Print the cache's directory",
		Long:  "Print the cache's directory, whether it is there or not.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.cachePath()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Schema string `json:"schema"`
					Dir    string `json:"dir"`
				}{"plugproof/cache-dir/v1", dir})
			}
			return a.print(dir + "\n")
		},
	}
}

// pruneDoc is the `cache prune --json` document.
type pruneDoc struct {
	Schema  string           `json:"schema"`
	Dir     string           `json:"dir"`
	Max     int64            `json:"max_bytes"`
	Removed []cachedir.Entry `json:"removed"`
	Freed   int64            `json:"freed_bytes"`
	InUse   []cachedir.Entry `json:"in_use"` // that were to go and could not
	Bytes   int64            `json:"bytes"`  // that are left
}

func newCachePruneCmd(a *app) *cobra.Command {
	var max string
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what was not used for longest",
		Long: `Remove the least recently used entries, each as a whole, until the cache is no larger than
--max-size, or everything with --all. While another plugproof uses the cache, nothing is removed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all && cmd.Flags().Changed("max-size") {
				return usagef("drop one of them", "--all contradicts --max-size")
			}
			limit, err := parseSize(max)
			if err != nil {
				return err
			}
			if all {
				limit = 0
			}
			dir, err := a.cachePath()
			if err != nil {
				return err
			}
			free, err := holdCache(dir, syscall.LOCK_EX)
			if errors.Is(err, errCacheBusy) {
				return incompletef("wait until it has ended", "another plugproof uses the cache %q", dir)
			}
			if err != nil {
				return err
			}
			defer free()
			p, err := cachedir.Prune(dir, limit, cmd.Context().Err)
			if errors.Is(err, cachedir.ErrNotTagged) {
				return usagef("remove the directory yourself if it really is plugproof's cache", "%w", err)
			}
			if err != nil {
				return err
			}
			doc := pruneDoc{"plugproof/cache-prune/v1", dir, limit, append([]cachedir.Entry{}, p.Removed...), 0, append([]cachedir.Entry{}, p.InUse...), p.Bytes}
			for _, e := range p.Removed {
				doc.Freed += e.Bytes
			}
			if a.json {
				return a.printJSON(doc)
			}
			var b strings.Builder
			for _, e := range p.Removed {
				fmt.Fprintf(&b, "removed %s/%s  %s\n", e.Kind, e.Name, size(e.Bytes))
			}
			for _, e := range p.InUse {
				fmt.Fprintf(&b, "in use  %s/%s  %s\n", e.Kind, e.Name, size(e.Bytes))
			}
			fmt.Fprintf(&b, "freed %s, %s left\n", size(doc.Freed), size(doc.Bytes))
			return a.print(b.String())
		},
	}
	cmd.Flags().StringVar(&max, "max-size", defaultCacheSize, "leave at most `SIZE`: bytes, or a number with K, M, G or T")
	cmd.Flags().BoolVar(&all, "all", false, "remove everything that is not in use")
	return cmd
}

const sizeUnits = "KMGT"

// parseSize reads "10G", "512M", "1.5GiB" or a number of bytes. Units are powers of 1024.
func parseSize(s string) (int64, error) {
	bad := usagef("sizes look like 500M or 10G", "%q is not a size", s)
	number, unit := strings.ToUpper(s), 1.0
	number = strings.TrimSuffix(strings.TrimSuffix(number, "IB"), "B")
	if n := len(number); n > 0 {
		if i := strings.IndexByte(sizeUnits, number[n-1]); i >= 0 {
			number, unit = number[:n-1], math.Pow(1024, float64(i+1))
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0) || f*unit >= math.MaxInt64 {
		return 0, bad
	}
	return int64(f * unit), nil
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(sizeUnits)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, sizeUnits[i])
}
