package cli

import "strings"

// unproven are the settings in the environment that keep the go command from asking the checksum database, or from checking what
// it fetches: NAME=VALUE (go help environment, go help module-private, go help module-auth).
func (a *app) unproven() []string {
	var out []string
	for _, name := range []string{"GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE", "GOINSECURE", "GOFLAGS"} {
		v := a.getenv(name)
		switch {
		case v == "", name == "GOSUMDB" && v != "off", name == "GOFLAGS" && !strings.Contains(v, "-insecure"):
			continue
		}
		out = append(out, name+"="+v)
	}
	return out
}

// ignoreUnproven says that a kit is checked all the same.
func (a *app) ignoreUnproven() {
	for _, v := range a.unproven() {
		a.note("%s is ignored: a kit's modules and toolchains are held against the checksum database's proofs in it", oneLine(v))
	}
}
