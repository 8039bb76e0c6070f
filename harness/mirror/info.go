package mirror

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// isInfo reports whether a name asks what is known of a module's version: $module/@v/$version.info or $module/@latest.
func isInfo(name string) bool {
	if !strings.HasPrefix(name, "mod/") || strings.HasPrefix(name, "mod/sumdb/") {
		return false
	}
	return strings.HasSuffix(name, "/@latest") || path.Ext(name) == ".info" && strings.HasSuffix(path.Dir(name), "/@v")
}

// checkInfo says why an answer is not what is known of a version: one JSON object whose Version is the one that was asked for, or, where
// a branch or the newest version was, any (https://go.dev/ref/mod#goproxy-protocol).
func checkInfo(name string, data []byte) error {
	var info struct{ Version string }
	if err := json.Unmarshal(data, &info); err != nil {
		return fmt.Errorf("it says nothing of a version: %w", err)
	}
	if !semver.IsValid(info.Version) {
		return fmt.Errorf("it says nothing of a version: it names %.100q", info.Version)
	}
	asked, err := module.UnescapeVersion(strings.TrimSuffix(path.Base(name), ".info"))
	if err == nil && asked != info.Version && module.CanonicalVersion(asked) == asked && !strings.HasSuffix(name, "/@latest") {
		return fmt.Errorf("it is about the version %.100q, and %q was asked for", info.Version, asked)
	}
	return nil
}
