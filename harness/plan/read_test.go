package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// full uses every key of the format.
const full = `
[host]
package = "./cmd/gateway"
dir = "../gateway"
rebuild = "build-id-only"
flags = ["-buildmode=pie"]
env = { GOAMD64 = "v2" }
go = "go1.25.3"
[[plugin]]
package = "./plugins/greet"
dir = "../other"
symbols = { Greeter = "*example.test/api.Greeter" }
against = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
expect = "ok"
rebuild = "build-path"
flags = ["-tags=extra", "-ldflags=-X=main.t={{cmd:date +%s}}"]
env = { CGO_CFLAGS = "-O1" }
go = "tip"
[[plugin]]
file = "dist/old.so"
[[expect]]
when = { host_go = "go1.25.3", plugin_go = "tip", arch = "amd64", libc = "musl" }
plugin = "./plugins/greet"
verdict = "abort"
[build]
flags = ["-trimpath", "-buildvcs=false"]
env = { CGO_CFLAGS = "-O2" }
before = [["go", "generate", "./..."]]
command = ["make", "plugin"]
[cc.arm]
cc = "armv7l-linux-musleabihf-gcc"
[matrix]
go = ["go1.25.3", "go1.26.8", "tip=path:/src/go"]
arch = ["amd64", "arm"]
libc = ["musl"]
[[matrix.include]]
host_go = "tip"
arch = "arm"
[[matrix.exclude]]
plugin_go = "go1.25.3"
arch = "arm"
`

func TestParseFull(t *testing.T) {
	p, err := ParseProject("plugproof.toml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"../other:./plugins/greet", "dist/old.so"}, p.Subjects()); diff != "" {
		t.Error(diff)
	}
	if p.CC["arm"].CC != "armv7l-linux-musleabihf-gcc" || p.Matrix.Include[0].HostGo != "tip" || p.Expects[0].When.Libc != "musl" {
		t.Errorf("not everything was read: %+v", p)
	}
}

const good = "[host]\npackage = \"./host\"\n[[plugin]]\npackage = \"./p\"\n"

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want, hint string }{
		{"unknown key", good + "[build]\n  flgs = []\n", `plugproof.toml:6:3: unknown key "flgs" in [build]`, "did you mean flags?"},
		{"unknown table", good + "[matrx]\n", `plugproof.toml:5:2: unknown key "matrx"`, "did you mean matrix?"},
		{"unknown key in plugin", good + "expekt = 1\n", `plugproof.toml:5:1: unknown key "expekt" in [plugin]`, "did you mean expect?"},
		{"unknown key in when", good + "[[expect]]\nverdict = \"ok\"\nwhen = { hostgo = \"go1.26.8\" }\n", `plugproof.toml:7:10: unknown key "hostgo" in [expect.when]`, "did you mean host_go?"},
		{"broken", "[host\n", `plugproof.toml:1:6: `, ""},
		{"wrong type", good + "[build]\nflags = \"-x\"\n", `plugproof.toml:6:9: `, "list of strings"},
		{"number in env", good + "[build.env]\nGOARM = 7\n", `plugproof.toml:6:9: `, "are strings"},
		{"number as go", good + "[matrix]\ngo = [1.26]\n", `plugproof.toml:6:7: `, "Go versions are strings"},
		{"no plugin", "[host]\npackage = \"./h\"\n", `plugproof.toml: no [[plugin]]`, "add a [[plugin]]"},
		{"no host", "[[plugin]]\npackage = \"./p\"\n", `plugproof.toml: [host] needs exactly one of package, file and lock, and has 0`, ""},
		{"two hosts", "[host]\npackage=\"./h\"\nfile=\"x\"\n[[plugin]]\npackage=\"./p\"\n", `plugproof.toml:1:2: [host] needs exactly one`, ""},
		{"file with flags", "[host]\nfile=\"x\"\nflags=[]\n[[plugin]]\npackage=\"./p\"\n", `plugproof.toml:1:2: dir, rebuild, flags`, ""},
		{"go file", good + "[[plugin]]\npackage = \"./p/main.go\"\n", `plugproof.toml:6:1: package "./p/main.go" is a file`, `"./p"`},
		{"list of go files", good + "[[plugin]]\npackage = \"a.go b.go\"\n", `is not the name of one package`, ""},
		{"pattern", good + "[[plugin]]\npackage = \"./...\"\n", `is not the name of one package`, ""},
		{"absolute package", good + "[[plugin]]\npackage = \"/src/p\"\n", `is an absolute path`, ""},
		{"absolute dir", good + "dir = \"/src\"\n", `is not a slash-separated relative path`, ""},
		{"latest", "[host]\npackage=\"example.test/h@latest\"\n[[plugin]]\npackage=\"./p\"\n", `"latest" is not a module version`, "exact"},
		{"plugin version", good + "[[plugin]]\npackage=\"example.test/h@v1.0.0\"\n", `has a version`, "use dir"},
		{"verdict", good + "expect = \"mismach\"\n", `plugproof.toml:5:1: unknown verdict "mismach"`, "did you mean mismatch?"},
		{"rebuild", good + "rebuild = \"buildpath\"\n", `unknown verdict or cause "buildpath"`, "did you mean build-path?"},
		{"against", good + "against = \"sha256:12\"\n", `plugproof.toml:5:1: against:`, ""},
		{"symbol", good + "symbols = { greeter = \"int\" }\n", `symbol "greeter" is not an exported`, ""},
		{"arch", good + "[matrix]\narch = [\"amd64\", \"armv7\"]\n", `plugproof.toml:6:18: unknown arch "armv7"`, "did you mean arm?"},
		{"libc", good + "[matrix]\nlibc = [\"glibc\"]\n", `unknown libc "glibc"`, "musl"},
		{"go without prefix", good + "[matrix]\ngo = [\"1.26.8\"]\n", `go "1.26.8" is not a version`, "did you mean go1.26.8?"},
		{"language version", good + "go = \"go1.26\"\n", `plugproof.toml:5:1: go "go1.26" is a language version`, "go1.26.0"},
		{"go twice", good + "[matrix]\ngo = [\"go1.26.8\", \"go1.26.8\"]\n", `is named twice`, ""},
		{"own flag", good + "flags = [\"-o=x\"]\n", `flag "-o" is plugproof's own`, "output file"},
		{"own flag, two dashes", good + "flags = [\"--buildmode=plugin\"]\n", `flag "-buildmode" is plugproof's own`, ""},
		{"split flag", good + "flags = [\"-tags\", \"extra\"]\n", `flag "extra" does not begin with a dash`, "one string"},
		{"own env", good + "env = { GOPROXY = \"direct\" }\n", `environment variable GOPROXY is plugproof's own`, "GOPROXY=off"},
		{"template", good + "flags = [\"-ldflags={{date}}\"]\n", `bad template`, "{{cmd:COMMAND}}"},
		{"open template", good + "flags = [\"-ldflags={{cmd:date\"]\n", `bad template`, ""},
		{"limit", good + "[build]\nlimit = \"soon\"\n", `plugproof.toml:6:1: limit "soon" is no duration`, "30m"},
		{"limit of nothing", good + "[build]\nlimit = \"\"\n", `limit "" is no duration`, ""},
		{"limit beyond a day", good + "[build]\nlimit = \"25h\"\n", `limit "25h" is no duration`, ""},
		{"empty when", good + "[[expect]]\nverdict = \"ok\"\n", `plugproof.toml:5:3: empty condition`, ""},
		{"no such plugin", good + "[[expect]]\nwhen = { arch = \"arm\" }\nplugin = \"./q\"\nverdict = \"ok\"\n", `plugproof.toml:7:1: no plugin "./q"`, "./p"},
		{"cc arch", good + "[cc.x86]\ncc = \"gcc\"\n", `plugproof.toml:5:2: unknown architecture "x86"`, ""},
		{"cc empty", good + "[cc.arm]\n", `[cc.arm] names no cc`, ""},
		{"cc key", good + "[cc.arm]\ncmd = \"x\"\n", `unknown key "cmd" in [cc.arm]`, "cc"},
		{"too long", strings.Repeat("#\n", MaxSize/2+1), `longer than`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseProject("plugproof.toml", []byte(tt.text))
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("error is %v, not an *Error", err)
			}
			if !strings.Contains(bad.Error(), tt.want) || !strings.Contains(bad.Hint(), tt.hint) {
				t.Errorf("got  %s\nhint %s\nwant %s\nhint %s", bad, bad.Hint(), tt.want, tt.hint)
			}
		})
	}
}

func FuzzParseProject(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(good))
	f.Add([]byte("[[matrix.include]]\n[[matrix.include]]\narch='arm'\n"))
	f.Add([]byte("a.b.c = [[{x=1},{}],[]]\n[a.b]\n[[a]]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProject("f", data)
		if err != nil {
			if bad := new(Error); !errors.As(err, &bad) || bad.Msg == "" {
				t.Fatalf("error %v is not an *Error", err)
			}
			return
		}
		if _, err := Cells(p, Selection{DefaultGo: "go1.26.8"}); err != nil {
			if bad := new(Error); !errors.As(err, &bad) {
				t.Fatalf("cells: %v", err)
			}
		}
	})
}

// TestKeysInCapitals: a key has one spelling, so that nothing can be said twice.
func TestKeysInCapitals(t *testing.T) {
	for _, tt := range []struct{ text, want, hint string }{
		{"[HOST]\npackage = \"./other\"\n" + good, `plugproof.toml:1:2: unknown key "HOST"`, "did you mean host?"},
		{good + "Expect = \"abort\"\n", `plugproof.toml:5:1: unknown key "Expect" in [plugin]`, "did you mean expect?"},
		{good + "[policy]\nFORBID = []\n", `plugproof.toml:6:1: unknown key "FORBID" in [policy]`, "did you mean forbid?"},
		{good + "[[policy.replace]]\nmodule = \"a.b/c\"\nWith = \"../x\"\nreason = \"x\"\n", `unknown key "With" in [policy.replace]`, "with"},
		{good + "[[expect]]\nverdict = \"ok\"\nwhen = { Arch = \"arm\" }\n", `unknown key "Arch" in [expect.when]`, "arch"},
		{good + "[cc.arm]\nCC = \"x\"\n", `unknown key "CC" in [cc]`, "cc"},
	} {
		_, err := ParseProject("plugproof.toml", []byte(tt.text))
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.Error(), tt.want) || !strings.Contains(bad.Hint(), tt.hint) {
			t.Errorf("%s\ngot %v, want %s", tt.text, err, tt.want)
		}
	}
	for _, text := range []string{good + "env = { GOARM = \"7\", path = \"x\" }\n", good + "symbols = { Greeter = \"func()\" }\n", good + "[cc.arm]\ncc = \"x\"\n"} {
		if _, err := ParseProject("plugproof.toml", []byte(text)); err != nil && strings.Contains(err.Error(), "unknown key") {
			t.Errorf("%s\n%v", text, err)
		}
	}
}
