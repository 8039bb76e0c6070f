package actions

import (
	"slices"
	"strings"
)

// recorded are the settings of the build information that say what other inputs say already. The input is the one that works.
var recorded = map[string][]string{
	"modinfo build -trimpath":      {"trimpath"},
	"modinfo build -ldflags":       {"linkflags"},
	"modinfo build -gcflags":       {"gcflags"},
	"modinfo build -asmflags":      {"asmflags"},
	"modinfo build -race":          {"gcflags all", "linkflags all"},
	"modinfo build -msan":          {"gcflags all", "linkflags all"},
	"modinfo build -asan":          {"gcflags all", "linkflags all"},
	"modinfo build -cover":         {"cover"},
	"modinfo build -covermode":     {"cover"},
	"modinfo build CGO_CFLAGS":     {"CFLAGS"},
	"modinfo build CGO_CPPFLAGS":   {"CPPFLAGS"},
	"modinfo build CGO_CXXFLAGS":   {"CXXFLAGS"},
	"modinfo build CGO_LDFLAGS":    {"LDFLAGS"},
	"modinfo build CGO_FFLAGS":     {"FFLAGS"},
	"modinfo build GOAMD64":        {"GOAMD64"},
	"modinfo build GOARM":          {"GOARM"},
	"modinfo build GOARCH":         {"goarch"},
	"modinfo build GOOS":           {"goos"},
	"modinfo build GOEXPERIMENT":   {"GOEXPERIMENT"},
	"modinfo build -buildmode":     {"buildmode", "gcflags all"},
	"modinfo build DefaultGODEBUG": {"defaultgodebug"},
}

// follow drops the inputs that only follow from others: settings that are recorded beside being used, the directory or module that
// -trimpath puts in or takes out, and what comes with the name command-line-arguments of a package given by its files.
func (c *comparison) follow() {
	has := map[string]bool{}
	for _, p := range c.pairs {
		for _, v := range p.own {
			has[v.key] = true
		}
	}
	for _, p := range c.pairs {
		differs := func(key string) bool {
			return slices.ContainsFunc(p.own, func(v valuePair) bool { return v.key == key })
		}
		trimmed, renamed := differs("trimpath"), differs("importpath")
		p.own = slices.DeleteFunc(p.own, func(v valuePair) bool {
			switch v.key {
			case "dir", "module":
				return (trimmed || renamed) && (v.a == nil || v.b == nil)
			case "go":
				return renamed && (v.a == nil || v.b == nil)
			case "local", "modinfo path":
				return renamed
			}
			if has["trimpath"] && (v.key == "GOROOT" || (v.a == nil || v.b == nil) && (v.key == "modinfo build -ldflags" || strings.HasPrefix(v.key, "modinfo build CGO_"))) {
				return true // which it takes out, too
			}
			if renamed && c.mainA != "" && (strings.HasPrefix(v.key, "modinfo mod ") || strings.HasPrefix(v.key, "modinfo dep ")) && (v.a == nil || v.b == nil) {
				return true
			}
			return slices.ContainsFunc(recorded[v.key], func(k string) bool { return has[k] })
		})
	}
}
