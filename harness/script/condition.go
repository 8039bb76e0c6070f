package script

import (
	"fmt"
	"go/version"
	"os"
	"os/exec"
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
	case "root":
		return os.Geteuid() == 0, nil
	case "guest": // an emulator for that architecture is here
		bin := map[string]string{"amd64": "qemu-system-x86_64", "arm": "qemu-system-arm"}[arg]
		if bin == "" {
			return false, fmt.Errorf("condition [%s]: %q is no guest; there are amd64 and arm", cond, arg)
		}
		_, err := exec.LookPath(bin)
		return err == nil, nil
	case "netns":
		return exec.Command("unshare", "--net", "true").Run() == nil, nil
	case "kvm":
		return s.kvm()
	}
	return false, &unknownCondition{cond}
}

// goIs compares the Go under test. A want without a patch number stands for the whole minor release.
func (s *session) goIs(op, want string) (bool, error) {
	have := s.env["GO"]
	if !version.IsValid(have) {
		return false, fmt.Errorf("condition [go%s%s]: the Go under test, $GO, is %q and no release", op, want, have)
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

type unknownCondition struct{ name string }

func (e *unknownCondition) Error() string {
	return "unknown condition [" + e.name + "]; known here: root, netns, kvm, guest:ARCH, go>=1.24 and the like, and testscript's own"
}
