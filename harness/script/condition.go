package script

import (
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// goCondition is [go>=1.24]: of the Go under test, which $GO names, and not of the Go that plugproof was built with.
var goCondition = regexp.MustCompile(`^go(>=|<=|==|!=|<|>)(1\.[0-9]+(?:\.[0-9]+|rc[0-9]+|beta[0-9]+)?)$`)

// condition answers [name] and [name:argument] in a script's lines.
func (s *session) condition(cond string) (bool, error) {
	if m := goCondition.FindStringSubmatch(cond); m != nil {
		return s.goIs(m[1], m[2])
	}
	name, arg, _ := strings.Cut(cond, ":")
	switch name {
	case "guest": // an emulator for that architecture is here
		bin := map[string]string{"amd64": "qemu-system-x86_64", "arm": "qemu-system-arm"}[arg]
		if bin == "" {
			return false, fmt.Errorf("condition [%s]: %q is no guest; there are amd64 and arm", cond, arg)
		}
		_, err := exec.LookPath(bin)
		return s.has(cond, err == nil), nil
	}
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "netns":
		return s.has(cond, exec.Command("unshare", "--net", "true").Run() == nil), nil
	case "kvm":
		return s.kvm()
	}
	return false, &unknownCondition{cond}
}

// has reports what this machine lacks to the caller: what a scenario left out for it is no evidence. KVM is not among it, for
// emulation shows the same.
func (s *session) has(cond string, ok bool) bool {
	if !ok && s.lacks != nil {
		s.lacks(cond)
	}
	return ok
}

// goIs compares the Go under test. A want without a patch number stands for the whole minor release.
func (s *session) goIs(op, want string) (bool, error) {
	have, err := s.release()
	if err != nil {
		return false, fmt.Errorf("condition [go%s%s]: %w", op, want, err)
	}
	want = "go" + want
	if version.Lang(want) == want {
		have = version.Lang(have)
	}
	switch c := version.Compare(have, want); op {
	case ">=":
		return c >= 0, nil
	case "<=":
		return c <= 0, nil
	case "==":
		return c == 0, nil
	case "!=":
		return c != 0, nil
	case "<":
		return c < 0, nil
	default:
		return c > 0, nil
	}
}

// release is the version of the Go under test. A GOROOT is asked for its own.
func (s *session) release() (string, error) {
	have := s.env["GO"]
	if _, dir, ok := strings.Cut(have, "path:"); ok {
		cmd := exec.Command(filepath.Join(dir, "bin", "go"), "env", "GOVERSION")
		cmd.Env = []string{"GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off", "GOTELEMETRY=off", "GOPATH=/nonexistent", "GOCACHE=/nonexistent", "PATH=" + os.Getenv("PATH")}
		cmd.Dir = "/"
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("asking the Go under test, $GO, %q, for its version: %w", have, err)
		}
		have = bareVersion(string(out))
	}
	if !version.IsValid(have) {
		return "", fmt.Errorf("the Go under test, $GO, is %q and no release", have)
	}
	return have, nil
}

// bareVersion is "go1.27" of "devel go1.27-abcdef Mon Nov 23", and "go1.26.8" of "go1.26.8-mine X:boringcrypto".
func bareVersion(text string) string {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(text), "devel "))
	if len(words) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(words[0], "-")
	return name
}

type unknownCondition struct{ name string }

func (e *unknownCondition) Error() string {
	return "unknown condition [" + e.name + "]; known here: root, netns, kvm, guest:ARCH, go>=1.24 and the like, and testscript's own"
}
