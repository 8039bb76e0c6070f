package cli

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/plan"
	"github.com/plugproof/plugproof/verify/policy"
)

// TestShippedJob: a shipped file says itself what it was built from, and nothing that it says is run.
func TestShippedJob(t *testing.T) {
	like := plan.Job{Package: "./host", Dir: "cmd", Flags: []string{"-trimpath", "-tags=host", "-mod=vendor"}, Env: map[string]string{"GOARM": "7"}}
	for _, tt := range []struct {
		name, main, path string
		settings         []debug.BuildSetting
		dir, pkg         string // pkg is "" if it is not listed
		flags            []string
		unlisted         bool
	}{
		{"a package", "example.test/app", "example.test/app/plugins/id", nil, "", "./plugins/id", []string{"-tags=", "-mod=vendor"}, false},
		{"the module's own", "example.test/app", "example.test/app", nil, "", ".", []string{"-tags=", "-mod=vendor"}, false},
		{"of another module of the workspace", "example.test/sub", "example.test/sub/x", nil, "sub", "./x", []string{"-tags=", "-mod=vendor"}, false},
		{"tags and race", "example.test/app", "example.test/app/x", []debug.BuildSetting{{Key: "-tags", Value: "a,b_1"}, {Key: "-race", Value: "true"}}, "", "./x", []string{"-tags=a,b_1", "-race", "-mod=vendor"}, false},
		{"a command for tags", "example.test/app", "example.test/app/x", []debug.BuildSetting{{Key: "-tags", Value: "{{cmd:touch owned}}"}}, "", "", nil, true},
		{"a command for a path", "example.test/app", "example.test/app/{{cmd:touch owned}}", nil, "", "", nil, false},
		{"up and out", "example.test/app", "example.test/app/../../x", nil, "", "", nil, false},
		{"another module", "example.test/other", "example.test/other/x", nil, "", "", nil, false},
		{"another module with the same beginning", "example.test/app", "example.test/apple/x", nil, "", "", nil, false},
		{"files", "example.test/app", "command-line-arguments", nil, "", "", nil, false},
		{"nothing", "", "", nil, "", "", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &evidence{project: &plan.Project{Dir: "/p"}}
			e.Roots = []policy.Root{{Manifests: []policy.Manifest{{Dir: "/p"}, {Dir: "/p", Module: "example.test/app"}, {Dir: "/p/sub", Module: "example.test/sub"}}}}
			_, got, ok := e.shippedJob(like, "id.so", &debug.BuildInfo{Path: tt.path, Main: debug.Module{Path: tt.main}, Settings: tt.settings})
			if ok != (tt.pkg != "") || e.Roots[0].Unlisted != tt.unlisted || len(e.lost) > 0 != tt.unlisted {
				t.Fatalf("%v, not listed %v, lost %v", ok, e.Roots[0].Unlisted, e.lost)
			}
			want := plan.Job{Subject: "id.so", Package: tt.pkg, Dir: tt.dir, Flags: tt.flags, Env: like.Env}
			if diff := cmp.Diff(want, got); ok && diff != "" {
				t.Error(diff)
			}
		})
	}
}
