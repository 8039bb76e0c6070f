package build

import "testing"

func TestWhoseFaultItIs(t *testing.T) {
	for _, tt := range []struct {
		op, text       string
		grave, missing bool
	}{
		{"go build", "./x.go:3:5: undefined: y", false, false},
		{"go build", "go: example.test/x: /go/pkg/tool/compile: signal: killed", true, false},
		{"go build", "go: example.test/x: /go/pkg/tool/compile: signal: segmentation fault", true, false},
		{"before make", "tool: signal: segmentation fault", false, false},
		{"go build", "/usr/bin/ld: final link failed: No space left on device", true, false},
		{"go build", "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1", true, false},
		{"go build", "fork/exec /usr/bin/gcc: Resource temporarily unavailable", true, false},
		{"go build", "x.go:3:8: module lookup disabled by GOPROXY=off", false, true},
		{"go build", "x.go:4:2: mkdir $GOMODCACHE/cache: read-only file system", true, true}, // missing is asked first
		{"go install", "go: x@v1: reading file://$GOMODCACHE/cache/download/x/@v/v1.info: no such file or directory", false, true},
	} {
		if _, got := grave(tt.op, tt.text); got != tt.grave {
			t.Errorf("%q: grave %v", tt.text, got)
		}
		if _, got := missingModule(tt.text); got != tt.missing {
			t.Errorf("%q: missing %v", tt.text, got)
		}
	}
	for _, tt := range []struct {
		a, b *Failure
		want Failure
	}{
		{&Failure{Op: "go build", Text: "x", Side: "a"}, &Failure{Op: "go build", Text: "x", Side: "b"}, Failure{Op: "go build", Text: "x"}},
		{nil, &Failure{Op: "go build", Text: "x", Side: "b"}, Failure{Op: "go build", Text: "x", Side: "b"}},
		{&Failure{Op: "go build", Text: "x", Side: "a"}, nil, Failure{Op: "go build", Text: "x", Side: "a"}},
		{&Failure{Op: "go build", Text: "x", Side: "a"}, &Failure{Op: "go build", Text: "y", Side: "b"}, Failure{Op: "go build", Text: "x\n(side b says otherwise: y)"}},
	} {
		if got := one(tt.a, tt.b); *got != tt.want {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
}
