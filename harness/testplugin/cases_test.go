package testplugin

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small has the shape of plugin_test.go, and at its end tests that must not be understood.
const small = `package plugin_test

func testMain(m *testing.M) int {
	if testing.Short() && testenv.Builder() == "" {
		globalSkip = func(t *testing.T) { t.Skip("short mode") }
		return m.Run()
	}
	if err := os.Chdir(altRoot); err != nil {
		log.Panic(err)
	} else {
		prettyPrintf("cd %s\n", altRoot)
	}
	goCmd(nil, "build", "-buildmode=plugin", "-o", filepath.Join(modRoot, "plugin-mismatch.so"), "./plugin-mismatch")
	if err := os.Chdir(modRoot); err != nil {
		log.Panic(err)
	}
	goCmd(nil, "build", "-buildmode=plugin", "./plugin2")
	so, err := os.ReadFile("plugin2.so")
	if err := os.WriteFile("plugin2-dup.so", so, 0444); err != nil {
		log.Panic(err)
	}
	goCmd(nil, "build", "-buildmode=plugin", "-o=sub/plugin1.so", "./sub/plugin1")
	goCmd(nil, "build", "-o", "host.exe", "./host")
	return m.Run()
}
func TestRunHost(t *testing.T) {
	globalSkip(t)
	run(t, "./host.exe")
}
func TestBuildID(t *testing.T) {
	globalSkip(t)
	b := goCmd(t, "tool", "buildid", "plugin2.so")
	if len(b) == 0 {
		t.Errorf("build id not found")
	}
}
func TestDWARF(t *testing.T) {
	goCmd(t, "run", "./checkdwarf/main.go", "p.so", "main.main")
}
func TestTimeout(t *testing.T) {
	globalSkip(t)
	goCmd(t, "build", "-o", "x.exe", "./x/main.go")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "./x.exe")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%#q: %v\n%s", cmd, err, out)
	}
}
func TestRepeated(t *testing.T) {
	goCmd(t, "build", "-buildmode=pie", "-gcflags=all=-N -l", "-o", "x.exe", "./x/main.go")
	for n := 20; n > 0; n-- {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			run(t, "./x.exe", "1")
		})
	}
}
func TestElsewhere(t *testing.T) {
	if runtime.GOOS != "darwin" || runtime.GOARCH != "arm64" {
		t.Skipf("not done in %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	surprise()
}
func TestReadsOutput(t *testing.T) {
	goCmd(t, "build", "-o", "x.exe", "./x/main.go")
	out := run(t, "./x.exe")
	if out != "PASS" {
		t.Fatal(out)
	}
}
func TestUnknownCall(t *testing.T) {
	goCmd(t, "build", "-o", "x.exe", "./x/main.go")
	surprise(t)
}
func TestUnknownFlag(t *testing.T) {
	goCmd(t, "build", "-o", "x.exe", extra, "./x/main.go")
}
func TestNothingBuilt(t *testing.T) {
	run(t, "./y.exe")
}
func TestEmpty(t *testing.T) {
	globalSkip(t)
}
`

func TestParse(t *testing.T) {
	got, err := parse("plugin_test.go", []byte(small), "arm")
	if err != nil {
		t.Fatal(err)
	}
	shared := []Build{
		{Dir: Alt, Package: "./plugin-mismatch", Out: "plugin-mismatch.so", Mode: Plugin},
		{Dir: Main, Package: "./plugin2", Out: "plugin2.so", Mode: Plugin},
		{Out: "plugin2-dup.so", Copy: "plugin2.so"},
		{Dir: Main, Package: "./sub/plugin1", Out: "sub/plugin1.so", Mode: Plugin},
		{Dir: Main, Package: "./host", Out: "host.exe", Mode: Exe},
	}
	x := Build{Dir: Main, Package: "./x/main.go", Out: "x.exe", Mode: Exe}
	pie := Build{Dir: Main, Package: "./x/main.go", Out: "x.exe", Mode: PIE, Flags: []string{"-gcflags=all=-N -l"}}
	const unread = "its recipe is not understood: "
	want := []Case{
		{Name: "TestRunHost", Builds: shared, Runs: []Run{{Argv: []string{"./host.exe"}, Count: 1}}},
		{Name: "TestBuildID", Builds: shared, Tools: [][]string{{"tool", "buildid", "plugin2.so"}}},
		{Name: "TestDWARF", Builds: []Build{{Dir: Main, Package: "./checkdwarf/main.go", Out: "checkdwarf.exe", Mode: Exe}},
			Runs: []Run{{Argv: []string{"./checkdwarf.exe", "p.so", "main.main"}, Count: 1}}},
		{Name: "TestTimeout", Builds: []Build{x}, Runs: []Run{{Argv: []string{"./x.exe"}, Count: 1, Timeout: 10 * time.Second}}},
		{Name: "TestRepeated", Builds: []Build{pie}, Runs: []Run{{Argv: []string{"./x.exe", "1"}, Count: 20}}},
		{Name: "TestElsewhere", Skip: "the test itself skips here: not done in linux/arm"},
		{Name: "TestReadsOutput", Skip: unread + "an if"},
		{Name: "TestUnknownCall", Skip: unread + "a call of surprise"},
		{Name: "TestUnknownFlag", Skip: unread + "the arguments of go"},
		{Name: "TestNothingBuilt", Skip: unread + `nothing builds "./y.exe"`},
		{Name: "TestEmpty", Skip: unread + "it builds nothing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"build", "-buildmode=pie", "-gcflags=all=-N -l", "-o", "/t/o", "./x/main.go"}, pie.Args("/t/o")); diff != "" {
		t.Error(diff)
	}
}

// The Go that runs this test has plugin tests that are all understood, and their sources can be copied.
func TestOwnGo(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command to ask for a GOROOT")
	}
	goroot := strings.TrimSpace(string(out))
	cases, err := Cases(goroot, "amd64")
	if errors.Is(err, ErrAbsent) {
		t.Skip("this GOROOT is distributed without src/cmd/cgo/internal/testplugin")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Prepare(goroot, dir); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 24 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range cases {
		if c.Skip != "" && c.Name != "TestTextSectionSplit" {
			t.Errorf("%s: %s", c.Name, c.Skip)
		}
		for _, b := range c.Builds {
			if b.Copy != "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, b.Dir, filepath.FromSlash(b.Package))); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
	host := slices.IndexFunc(cases, func(c Case) bool { return c.Name == "TestRunHost" })
	if host < 0 || len(cases[host].Builds) != 8 {
		t.Errorf("TestRunHost is case %d of %+v", host, cases)
	}
}

func TestAbsent(t *testing.T) {
	if _, err := Cases(t.TempDir(), "amd64"); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
	if err := Prepare(t.TempDir(), t.TempDir()); err == nil {
		t.Error("prepared from nothing")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("package p\nfunc testMain() { goCmd(nil, \"build\", \"./x\") }\nfunc TestX() { run(); exec.CommandContext(); context.WithTimeout(); t.Run(); goCmd() }\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		cases, err := parse("f", src, "arm")
		if err != nil {
			return
		}
		for _, c := range cases {
			if c.Skip == "" && len(c.Builds) == 0 {
				t.Errorf("%+v builds nothing", c)
			}
		}
	})
}
