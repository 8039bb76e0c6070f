package policy_test

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/verify/policy"
)

// TestUnbuilt: a file counts for its package, architecture and Go alone.
func TestUnbuilt(t *testing.T) {
	file := policy.File{Info: &debug.BuildInfo{Path: "a.test/host", GoVersion: "go1.26.8 X:loopvar", Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "amd64"}}}}
	for _, tt := range []struct {
		name string
		want policy.Wanted
		file policy.File
		lack bool
	}{
		{"its own", policy.Wanted{Path: "a.test/host", Arch: "amd64"}, file, false},
		{"its own Go", policy.Wanted{Path: "a.test/host", Arch: "amd64", Go: "go1.26.8"}, file, false},
		{"another Go", policy.Wanted{Path: "a.test/host", Arch: "amd64", Go: "go1.25.0"}, file, true},
		{"another architecture", policy.Wanted{Path: "a.test/host", Arch: "arm64"}, file, true},
		{"another package", policy.Wanted{Path: "a.test/p", Arch: "amd64"}, file, true},
		{"no build information", policy.Wanted{Path: "a.test/host", Arch: "amd64"}, policy.File{}, true},
		{"nothing known", policy.Wanted{Arch: "amd64"}, policy.File{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []policy.Wanted
			if tt.lack {
				want = []policy.Wanted{tt.want}
			}
			if diff := cmp.Diff(want, policy.Unbuilt([]policy.Wanted{tt.want, tt.want}, []policy.File{tt.file})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
