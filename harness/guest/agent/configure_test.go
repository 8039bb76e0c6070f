//go:build linux

package agent

import (
	"strings"
	"testing"
)

// database is as images/xbps/install and xbps itself write it.
const database = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
	<key>a</key>
	<dict>
		<key>pkgver</key>
		<string>a-1_1</string>
		<key>state</key>
		<string>unpacked</string>
	</dict>
	<key>ab</key>
	<dict>
		<key>run_depends</key>
		<array>
			<string>a&gt;=0</string>
		</array>
		<key>state</key>
		<string>unpacked</string>
	</dict>
</dict>
</plist>
`

func TestInstalled(t *testing.T) {
	cut := strings.Index(database, "\t<key>ab</key>")
	first, second := database[:cut], database[cut:]
	done := func(s string) string { return strings.Replace(s, ">unpacked<", ">installed<", 1) }
	for name, want := range map[string]string{"a": done(first) + second, "ab": first + done(second), "b": database, "": database, "a</key>": database} {
		if got := string(installed([]byte(database), name)); got != want {
			t.Errorf("%q:\n%s", name, got)
		}
	}
	if got := installed([]byte("no database"), "a"); string(got) != "no database" {
		t.Errorf("%q", got)
	}
}

func TestTail(t *testing.T) {
	var w tail
	for range 100 {
		w.Write([]byte(strings.Repeat("x", 100)))
	}
	w.Write([]byte("end"))
	if len(w.kept) != scriptOutput || !strings.HasSuffix(string(w.kept), "xend") {
		t.Errorf("%d bytes kept", len(w.kept))
	}
}
