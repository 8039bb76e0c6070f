package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ownFlags are given to go build by plugproof itself; the reason is the hint.
var ownFlags = map[string]string{
	"-o": "plugproof chooses the output file", "-C": "use dir", "-n": "plugproof really builds",
	"-overlay": "plugproof gives its own overlay to the probe host", "-json": "plugproof reads the compiler's messages itself",
	"-toolexec": "plugproof identifies the toolchain by its contents", "-buildmode": "plugins are plugins; a host may be -buildmode=pie",
}

// ownEnv are set by plugproof, varied between the twins, or read only while fetching.
var ownEnv = map[string]string{
	"CC": "name it in [cc.ARCH]", "GOOS": "plugproof builds for linux", "GOARCH": "name it in [matrix] arch",
	"GOTOOLCHAIN": "name it in [matrix] go", "GOROOT": "name it in [matrix] go", "GOPROXY": "builds run with GOPROXY=off",
	"GOSUMDB": "it is read from the caller's environment, only while fetching", "GOCACHE": "each side has its own",
	"GOMODCACHE": "plugproof shares one", "HOME": "it differs between the sides", "TMPDIR": "it differs between the sides",
	"PLUGPROOF_OUT": "plugproof sets it",
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *Project) checkBuild() error {
	if err := p.checkFlags("build", p.Build.Flags); err != nil {
		return err
	}
	if err := p.checkEnv("build", p.Build.Env); err != nil {
		return err
	}
	if _, err := p.Build.limit(); err != nil || p.at.has("build.limit") && p.Build.Limit == "" {
		return p.fail("build.limit", `write a Go duration, like "30m"`, "limit %q is no duration above 0 and up to %v", p.Build.Limit, MaxLimit)
	}
	for i, cmd := range p.Build.Before {
		if len(cmd) == 0 || cmd[0] == "" {
			return p.fail(fmt.Sprintf("build.before.%d", i), "", "empty command in before")
		}
	}
	if p.at.has("build.command") && (len(p.Build.Command) == 0 || p.Build.Command[0] == "") {
		return p.fail("build.command", "", "empty command")
	}
	for _, arch := range slices.Sorted(maps.Keys(p.CC)) {
		if !slices.Contains(Arches, arch) {
			return p.fail("cc."+arch, suggest(arch, Arches), "unknown architecture %q", arch)
		}
		if strings.TrimSpace(p.CC[arch].CC) == "" {
			return p.fail("cc."+arch, "", "[cc.%s] names no cc", arch)
		}
	}
	return nil
}

// checkSubject checks what host and plugins have in common.
func (p *Project) checkSubject(at string, flags []string, env map[string]string, goSpec, rebuild string) error {
	if err := p.checkFlags(at, flags); err != nil {
		return err
	}
	if err := p.checkEnv(at, env); err != nil {
		return err
	}
	if rebuild != "" && !slices.Contains(twinVerdicts, rebuild) && !IsCause(rebuild) {
		return p.fail(at+".rebuild", suggest(rebuild, append(slices.Clone(twinVerdicts), causes...)), "unknown verdict or cause %q", rebuild)
	}
	if p.at.has(at + ".go") {
		if _, hint, err := p.resolveGo(goSpec); err != nil {
			return p.fail(at+".go", hint, "%v", err)
		}
	}
	return nil
}

func (p *Project) checkFlags(at string, flags []string) error {
	for i, f := range flags {
		key := fmt.Sprintf("%s.flags.%d", at, i)
		if !strings.HasPrefix(f, "-") || f == "-" || f == "--" {
			return p.fail(key, `a flag and its value are one string: "-tags=extra"`, "flag %q does not begin with a dash", f)
		}
		name, value, _ := strings.Cut("-"+strings.TrimLeft(f, "-"), "=")
		hint, own := ownFlags[name]
		if name == "-buildmode" && at == "host" && (value == "pie" || value == "exe" || value == "default") {
			own = false
		}
		if own {
			return p.fail(key, hint, "flag %q is plugproof's own", name)
		}
		if err := p.checkTemplate(key, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) checkEnv(at string, env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		key := at + ".env." + name
		if !envName.MatchString(name) || strings.ContainsRune(env[name], 0) {
			return p.fail(key, "", "%q is not the name and value of an environment variable", name)
		}
		if hint, own := ownEnv[name]; own {
			return p.fail(key, hint, "environment variable %s is plugproof's own", name)
		}
		if err := p.checkTemplate(key, env[name]); err != nil {
			return err
		}
	}
	return nil
}

// checkTemplate checks the form of {{cmd:...}}; running it is the builder's.
func (p *Project) checkTemplate(key, s string) error {
	for rest := s; ; {
		_, after, ok := strings.Cut(rest, "{{")
		if !ok {
			return nil
		}
		body, tail, closed := strings.Cut(after, "}}")
		if cmd, isCmd := strings.CutPrefix(body, "cmd:"); !closed || !isCmd || strings.TrimSpace(cmd) == "" {
			return p.fail(key, "the only template is {{cmd:COMMAND}}", "bad template in %q", s)
		}
		rest = tail
	}
}
