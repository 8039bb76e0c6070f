package seal_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/plugproof/plugproof/verify/supply/seal"
)

// swappedHost opens a plugin while another goroutine keeps swapping the file for one that nobody signed. "naive" checks
// the file and then opens it.
const swappedHost = `package main

import (
	"fmt"
	"os"
	"plugin"

	"github.com/plugproof/plugproof/verify/sealed"
)

func main() {
	dir, how, policy := os.Args[1], os.Args[2], sealed.Policy{Key: os.Args[3], AtLeast: "v1.0.0"}
	path := dir + "/greet.so"
	go func() {
		for n := 0; ; n++ {
			from := dir + "/good.so"
			if n%2 == 0 {
				from = dir + "/evil.so"
			}
			os.Remove(dir + "/next")
			if os.Link(from, dir+"/next") == nil {
				os.Rename(dir+"/next", path)
			}
		}
	}()
	var p *plugin.Plugin
	var err error
	if how == "naive" {
		if _, _, err = sealed.Check(path, policy); err == nil {
			p, err = plugin.Open(path)
		}
	} else {
		p, err = sealed.Open(path, policy)
	}
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	f, err := p.Lookup("Greet")
	if err != nil {
		fmt.Println("lookup", err)
		return
	}
	fmt.Println(f.(func() string)())
}
`

// TestSwappedFileNeverRuns: a hundred processes (PLUGPROOF_SWAPS says how many) in which the file is swapped all the time, between check and load too.
func TestSwappedFileNeverRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds plugins")
	}
	rounds := 100
	if s := os.Getenv("PLUGPROOF_SWAPS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := filepath.Abs("../../sealed")
	if err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	write(t, src+"/go.mod", []byte("module example.test/swapped\n\ngo 1.21\n\nrequire github.com/plugproof/plugproof/verify/sealed v0.0.0\n\nreplace github.com/plugproof/plugproof/verify/sealed => "+sealed+"\n"))
	for name, text := range map[string]string{
		"host": swappedHost,
		"good": "package main\n\nfunc Greet() string { return \"good\" }\n\nfunc main() {}\n",
		"evil": "package main\n\nfunc Greet() string { return \"evil\" }\n\nfunc main() {}\n",
	} {
		if err := os.Mkdir(src+"/"+name, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, src+"/"+name+"/main.go", []byte(text))
		args := []string{"build", "-trimpath", "-buildvcs=false", "-o", src + "/" + name + ".out"}
		if name != "host" {
			args = append(args, "-buildmode=plugin")
		}
		cmd := exec.Command("go", append(args, "./"+name)...)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "CGO_ENABLED=1", "CC=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	public, private := keys(t)
	text, _ := public.MarshalText()
	good := read(t, src+"/good.out")
	ours := claim
	ours.Go, ours.Arch = runtime.Version(), runtime.GOARCH
	version, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours.Go = strings.TrimSpace(string(version))
	sig, err := seal.Minisign(bytes.NewReader(good), private, ours)
	if err != nil {
		t.Fatal(err)
	}
	run := func(how string, rounds int) map[string]int {
		count := map[string]int{}
		answers := make(chan string)
		var g errgroup.Group
		g.SetLimit(runtime.NumCPU())
		go func() {
			defer close(answers)
			for range rounds {
				g.Go(func() error {
					dir, err := os.MkdirTemp(src, "round")
					if err != nil {
						return err
					}
					defer os.RemoveAll(dir)
					for name, data := range map[string][]byte{"good.so": good, "greet.so": good, "evil.so": read(t, src+"/evil.out"), "greet.so.minisig": sig} {
						if err := os.WriteFile(dir+"/"+name, data, 0o700); err != nil {
							return err
						}
					}
					out, _ := exec.Command(src+"/host.out", dir, how, string(text)).CombinedOutput()
					answers <- strings.TrimSpace(string(out))
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		}()
		for a := range answers {
			switch {
			case a == "good" || a == "evil":
				count[a]++
			case strings.HasPrefix(a, "refused") && strings.Contains(a, "the signature does not hold"):
				count["refused"]++
			default:
				count["other"]++
				t.Logf("%s: %s", how, a)
			}
		}
		return count
	}
	naive := run("naive", 60)
	if naive["evil"] == 0 {
		t.Errorf("nothing is shown: check, then open, never ran the swapped file: %v", naive)
	}
	got := run("sealed", rounds)
	t.Logf("check, then open: %v; sealed: %v", naive, got)
	if got["evil"] > 0 || got["good"] == 0 || got["other"] > 0 || got["good"]+got["refused"] != rounds {
		t.Errorf("%d rounds: %v", rounds, got)
	}
}
