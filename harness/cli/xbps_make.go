package cli

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/images/xbps/binpkg"
	"github.com/plugproof/plugproof/images/xbps/elfinfo"
	"github.com/plugproof/plugproof/images/xbps/manifest"
	"github.com/plugproof/plugproof/images/xbps/publish"
)

// packFlags are what `xbps pack` was told.
type packFlags struct {
	props  manifest.Props
	alts   []string
	modes  []string
	out    string
	compr  string
	layout publish.Layout
}

func newXbpsPackCmd(a *app) *cobra.Command {
	var p packFlags
	cmd := &cobra.Command{
		Use:   "pack --pkgver NAME-VERSION_REVISION --arch ARCH {DESTDIR | --host FILE --plugin FILE...}",
		Short: "Make a reproducible package",
		Long: `Make a package of a folder that looks like a root file system, or of a host program and its plugins:
/usr/bin/NAME, /usr/lib/NAME/*.so, /etc/NAME/* and, with --service, /etc/sv/NAME. The libraries that its
ELF files need go into shlib-requires. The same files give the same bytes: files belong to root, modes
are 0755 or 0644 (--mode changes one), times are SOURCE_DATE_EPOCH or 1970. Prints the file's name.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := a.pack(p, args)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"schema": "plugproof/xbps-pack/v1", "file": file})
			}
			return a.print(file + "\n")
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.props.Pkgver, "pkgver", "", "name, version and revision, such as hello-1.0_1")
	f.StringVar(&p.props.Architecture, "arch", "", "such as x86_64-musl, armv7l-musl or noarch")
	f.StringVar(&p.props.ShortDesc, "desc", "", "one line on what it is")
	f.StringVar(&p.props.License, "license", "", "SPDX license")
	f.StringVar(&p.props.Homepage, "homepage", "", "URL")
	f.StringVar(&p.props.Maintainer, "maintainer", "", "name and mail")
	f.StringVar(&p.props.Tags, "tags", "", "words separated by blanks")
	for _, l := range []struct {
		into *[]string
		flag string
		text string
	}{
		{&p.props.RunDepends, "depends", "needs this, such as 'libplug>=1.0_1'"},
		{&p.props.Provides, "provides", "is also this virtual package, such as greeter-1.0_1"},
		{&p.props.Conflicts, "conflicts", "must not be beside this"},
		{&p.props.Replaces, "replaces", "takes the place of this"},
		{&p.props.Reverts, "reverts", "replaces this newer version"},
		{&p.props.ConfFiles, "conf-file", "this path is a configuration file"},
		{&p.props.ShlibRequires, "shlib-requires", "needs this library too"},
		{&p.props.ShlibProvides, "shlib-provides", "has this library too"},
		{&p.alts, "alternative", "`GROUP:LINK:TARGET`"},
		{&p.modes, "mode", "`PATH=MODE` (octal) of one file"},
		{&p.layout.Plugins, "plugin", "`FILE` that becomes /usr/lib/NAME/*.so"},
		{&p.layout.Config, "config", "`FILE` that becomes /etc/NAME/*, a configuration file"},
	} {
		f.StringArrayVar(l.into, l.flag, nil, l.text+"; repeatable")
	}
	f.StringVar(&p.layout.Host, "host", "", "`FILE` that becomes /usr/bin/NAME")
	f.BoolVar(&p.layout.Service, "service", false, "add a runit service that starts the host with its plugins")
	f.StringVar(&p.compr, "compression", "zstd", "zstd, xz, gzip, lz4 or none")
	f.StringVarP(&p.out, "out", "o", ".", "`DIR` in which the package is put")
	return cmd
}

func (a *app) pack(p packFlags, args []string) (string, error) {
	if p.props.Pkgver == "" || p.props.Architecture == "" {
		return "", usagef("such as --pkgver hello-1.0_1 --arch x86_64-musl", "--pkgver and --arch are needed")
	}
	if p.props.Name() == "" {
		return "", usagef("such as hello-1.0_1: a name, a version and a revision", "%q is no package's name and version", p.props.Pkgver)
	}
	if arch := p.props.Architecture; arch != "noarch" && !elfinfo.Known(arch) {
		return "", usagef("such as x86_64-musl, armv7l-musl or noarch", "xbps has no architecture %q", arch)
	}
	if (len(args) == 1) == (p.layout.Host != "" || len(p.layout.Plugins) > 0) {
		return "", usagef("", "give a folder, or --host and --plugin")
	}
	modes, err := parseModes(p.modes)
	if err != nil {
		return "", err
	}
	if p.props.Alternatives, err = parseAlternatives(p.alts); err != nil {
		return "", err
	}
	var r binpkg.Recipe
	if len(args) == 1 {
		r, err = publish.Folder(a.path(args[0]), p.props, modes)
	} else {
		p.layout.Name, p.layout.Host = p.props.Name(), a.optionalPath(p.layout.Host)
		for _, list := range [][]string{p.layout.Plugins, p.layout.Config} {
			for i := range list {
				list[i] = a.path(list[i])
			}
		}
		var conf []string
		r.Props = p.props
		r.Sources, conf, err = p.layout.Sources()
		r.Props.ConfFiles = append(r.Props.ConfFiles, conf...)
		for i, s := range r.Sources {
			if m, ok := modes[s.Path]; ok {
				r.Sources[i].Mode = m
			}
		}
	}
	if err == nil {
		err = publish.Libraries(&r)
	}
	if err != nil {
		return "", usagef("", "%w", err)
	}
	r.Compression, r.ModTime = p.compr, a.sourceDate()
	var b bytes.Buffer
	if err := binpkg.Write(&b, r); err != nil {
		return "", usagef("", "%w", err)
	}
	file := filepath.Join(a.path(p.out), r.Props.FileName())
	return file, publish.Replace(file, b.Bytes())
}

func (a *app) optionalPath(p string) string {
	if p == "" {
		return ""
	}
	return a.path(p)
}

// sourceDate is SOURCE_DATE_EPOCH (reproducible-builds.org), or the zero time.
func (a *app) sourceDate() time.Time {
	if n, err := strconv.ParseInt(a.getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil && n >= 0 {
		return time.Unix(n, 0)
	}
	return time.Time{}
}

func parseModes(list []string) (map[string]int64, error) {
	out := map[string]int64{}
	for _, s := range list {
		path, mode, ok := strings.Cut(s, "=")
		n, err := strconv.ParseInt(mode, 8, 64)
		if !ok || err != nil || n < 0 || n > 0o7777 {
			return nil, usagef("such as --mode /usr/bin/su=4755", "bad mode %q", s)
		}
		out[path] = n
	}
	return out, nil
}

func parseAlternatives(list []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, s := range list {
		group, rest, ok := strings.Cut(s, ":")
		if _, _, err := manifest.ResolveAlternative(rest); !ok || err != nil {
			return nil, usagef("such as --alternative vi:/usr/bin/vi:/usr/bin/vim", "bad alternative %q", s)
		}
		out[group] = append(out[group], rest)
	}
	return out, nil
}

func newXbpsIndexCmd(a *app) *cobra.Command {
	var key, by string
	var archs []string
	var unsigned bool
	cmd := &cobra.Command{
		Use:   "index --key KEY.pem --signed-by 'NAME <MAIL>' DIR",
		Short: "Index and sign the packages of a directory",
		Long: `Write ARCH-repodata for every architecture that the directory has packages for, and sign each package
(.sig2). Of several versions the newest is listed. The key's passphrase, if it has one, is read from
` + passphraseVar + ` or asked for on the terminal.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := publish.Signer{By: by}
			if key != "" {
				if by == "" {
					return usagef("such as --signed-by 'Builds <builds@example.test>'", "--signed-by is needed with --key")
				}
				var err error
				if s.Key, err = a.privateKey(key); err != nil {
					return err
				}
			} else if !unsigned {
				return usagef("make one with 'plugproof xbps keygen', or say --unsigned", "--key is needed")
			}
			indexes, err := publish.Index(cmd.Context(), a.path(args[0]), archs, s)
			if err != nil {
				return err
			}
			doc := map[string]any{"schema": "plugproof/xbps-index/v1"}
			counts := map[string]int{}
			var text strings.Builder
			for _, arch := range slices.Sorted(maps.Keys(indexes)) {
				counts[arch] = len(indexes[arch].Packages)
				fmt.Fprintf(&text, "%s: %d packages\n", arch, counts[arch])
			}
			if a.json {
				doc["indexes"] = counts
				return a.printJSON(doc)
			}
			return a.print(text.String())
		},
	}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "sign with this private key")
	f.StringVar(&by, "signed-by", "", "who signs, `NAME <MAIL>`")
	f.StringArrayVar(&archs, "arch", nil, "index for this architecture only; repeatable")
	f.BoolVar(&unsigned, "unsigned", false, "an index without signatures is wanted")
	return cmd
}
