package publish

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/images/xbps"
	"github.com/plugproof/plugproof/images/xbps/binpkg"
)

// Layout says which program and plugins go into a package, and under which name.
type Layout struct {
	Name    string   // of the program and of its folders
	Host    string   // file of the program, becomes /usr/bin/NAME
	Plugins []string // files, become /usr/lib/NAME/*.so
	Config  []string // files, become configuration files /etc/NAME/*
	Service bool     // adds /etc/sv/NAME for runit
}

// Sources lays the files out. conf are the paths of the configuration files. Plugins get mode 0644: the loader needs no
// more. Two files of the same base name are an error.
func (l Layout) Sources() (sources []binpkg.Source, conf []string, err error) {
	if !xbps.ValidName(l.Name) {
		return nil, nil, fmt.Errorf("publish: %q can be no program's name", l.Name)
	}
	taken := map[string]bool{}
	add := func(at, name string, mode int64) error {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if !info.Mode().IsRegular() || taken[at] {
			return fmt.Errorf("publish: %q is no file, or a second one for %q", name, at)
		}
		taken[at] = true
		sources = append(sources, binpkg.Source{Path: at, Mode: mode, Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(name) }})
		return nil
	}
	if l.Host != "" {
		if err := add("/usr/bin/"+l.Name, l.Host, 0o755); err != nil {
			return nil, nil, err
		}
	}
	var loads []string
	for _, p := range l.Plugins {
		at := "/usr/lib/" + l.Name + "/" + filepath.Base(p)
		if err := add(at, p, 0o644); err != nil {
			return nil, nil, err
		}
		loads = append(loads, "'"+strings.ReplaceAll(at, "'", `'\''`)+"'")
	}
	for _, c := range l.Config {
		at := "/etc/" + l.Name + "/" + filepath.Base(c)
		if err := add(at, c, 0o644); err != nil {
			return nil, nil, err
		}
		conf = append(conf, at)
	}
	if l.Service {
		// A service sees no login environment: what it needs stands in its conf file (void-docs, "services").
		run := "#!/bin/sh\nexec 2>&1\n[ -r ./conf ] && . ./conf\nexec /usr/bin/" + l.Name + " ${OPTS:-" + strings.Join(loads, " ") + "}\n"
		dir := "/etc/sv/" + l.Name
		sources = append(sources, binpkg.Bytes(dir+"/run", 0o755, []byte(run)), binpkg.Bytes(dir+"/conf", 0o644, []byte("# OPTS=\"...\"\n")))
		conf = append(conf, dir+"/conf")
	}
	return sources, conf, nil
}
