package build

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/harness/vary"
)

// every is a command that writes down what it sees of its surroundings, as an ELF file: a copy of the go command's first bytes and the text.
const witness = `head -c 4 "$GO" >"$PLUGPROOF_OUT"; { pwd -P; echo "link ${PWD}"; echo "$HOME $TMPDIR $GOPATH $GOCACHE $GOMODCACHE $PATH $CC $USER $LOGNAME $TZ $LC_ALL $GOFLAGS"; echo "out $PLUGPROOF_OUT";
"$GO" env GOROOT; uname -nr; umask; nproc; date +%Y; env | grep CAPTURE; ls -a; id -u; } >>"$PLUGPROOF_OUT"`

func witnessJob(t *testing.T, x tools, tr *Tree) Job {
	j := x.job(t, tr, "./plugin/greet", quiet...)
	j.Command = []string{"sh", "-c", witness}
	return j
}

func TestVariationsDoWhatTheySay(t *testing.T) {
	b, x := world(t)
	dir := project(t, small)
	if err := os.Mkdir(filepath.Join(dir, ".hg"), 0o755); err != nil { // any repository
		t.Fatal(err)
	}
	tr := tree(t, dir)
	lab, err := b.Lab(t.Context(), witnessJob(t, x, tr))
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	see := func(side string, on vary.Set) []string {
		t.Helper()
		r, err := lab.Build(t.Context(), Order{Side: side, On: on, Warm: true})
		if err != nil || r.Failed != nil {
			t.Fatal(err, r)
		}
		data, err := os.ReadFile(r.File)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(data), "\n")
	}
	control := see("a", vary.None())
	if d := cmp.Diff(control, see("a", vary.None())); d != "" {
		t.Errorf("equal surroundings look different:\n%s", d)
	}
	if b.isolation().Mount {
		if d := cmp.Diff(control, see("b", vary.None())); d != "" {
			t.Errorf("side b without variations is not the control:\n%s", d)
		}
	}
	cannot := b.impossible(witnessJob(t, x, tr), vary.Of(names()...))
	for _, v := range vary.All() {
		if reason, no := cannot[v.Name]; no {
			t.Logf("%s: %s", v.Name, reason)
			continue
		}
		switch v.Name {
		case vary.Time, vary.Cold, vary.ASLR: // nothing to be seen
			continue
		}
		if cmp.Equal(control, see("b", vary.Of(v.Name))) {
			t.Errorf("%s changes nothing", v.Name)
		}
	}
}

func names() (all []string) {
	for _, v := range vary.All() {
		all = append(all, v.Name)
	}
	return all
}

func TestNothingIsPassedOver(t *testing.T) {
	b, x := world(t)
	j := witnessJob(t, x, tree(t, project(t, small)))
	for _, spec := range []string{"-all", "+default", "+all"} {
		on, err := vary.Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		j.Vary = on
		r := twins(t, b, j)
		if r.Failed != nil || r.Identical != (spec == "-all") {
			t.Fatalf("%s: %+v", spec, r.Failed)
		}
		have := map[string]bool{}
		for _, v := range r.Varied {
			have[v.Name] = true
			if v.A == v.B || v.A == "" || v.B == "" {
				t.Errorf("%s: %+v", spec, v)
			}
			if strings.Contains(v.A+v.B, b.Cache) || strings.Contains(v.A+v.B, b.Scratch) {
				t.Errorf("%s tells a path of this machine: %+v", spec, v)
			}
		}
		for _, n := range r.NotVaried {
			name, _, _ := strings.Cut(n, ":")
			have[name] = true
		}
		for _, n := range names() {
			if !have[n] {
				t.Errorf("%s: %s is neither varied nor listed as not varied", spec, n)
			}
		}
	}
}

func TestSidesNeverReadEachOthersCache(t *testing.T) {
	b, x := world(t)
	if !b.isolation().Mount {
		t.Skip("without mounts the caches are kept apart by name alone")
	}
	j := x.job(t, tree(t, project(t, small)), "./plugin/greet", quiet...)
	j.Command = []string{"sh", "-c", `head -c 4 "$GO" >"$PLUGPROOF_OUT"; for d in "$ROOT"/a "$ROOT"/b; do ls -A "$d" >>"$PLUGPROOF_OUT"; touch "$d/x" 2>/dev/null && echo written >>"$PLUGPROOF_OUT"; done; readlink -f "$GOCACHE" >>"$PLUGPROOF_OUT"; touch "$GOCACHE/mine" && ls "$GOCACHE" | grep -c mine >>"$PLUGPROOF_OUT"`}
	j.Env["ROOT"] = filepath.Dir(b.cacheRoot("a"))
	b.Cache = t.TempDir()
	j.Env["ROOT"] = filepath.Dir(b.cacheRoot("a"))
	r := twins(t, b, j)
	if r.Failed != nil {
		t.Fatalf("%+v", r.Failed)
	}
	for _, side := range []Side{r.A, r.B} {
		data, err := os.ReadFile(side.File)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(bytes.TrimPrefix(data, []byte("\x7fELF")))), "\n")
		if len(lines) != 2 || lines[1] != "1" {
			t.Errorf("side %s sees of the stored caches: %q", side.Name, lines)
		}
	}
	for _, side := range sideNames {
		if marks, _ := filepath.Glob(filepath.Join(b.cacheRoot(side), "*", "mine")); len(marks) != 1 {
			t.Errorf("side %s wrote to %q", side, marks)
		}
	}
	names := map[string]bool{}
	for _, set := range []setting{j.usual("a"), j.usual("b"), {name: "b", on: vary.None()}, {name: "a", on: vary.Of(vary.Path)}, {name: "b", on: vary.Of(vary.CC)}} {
		dir, _, release, err := b.gocache(t.Context(), j, set)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if names[dir] {
			t.Errorf("%+v shares %s", set, dir)
		}
		names[dir] = true
	}
	if dir, _, release, err := b.gocache(t.Context(), j, setting{name: "b", on: vary.Default()}); err != nil || !names[dir] {
		t.Error("the default set is not the usual one", err)
	} else {
		release()
	}
}

func TestSieve(t *testing.T) {
	text := "HASH[a]\n# pkg\nHASH subkey x\nmain.go:1: HASH is no error\nHA\n\nHASHES\nend"
	for size := 1; size < len(text); size++ {
		var hashes, rest bytes.Buffer
		s := &sieve{hashes: &hashes, rest: &rest}
		for part := range slices.Chunk([]byte(text), size) {
			if n, err := s.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if h, r := hashes.String(), rest.String(); h != "HASH[a]\nHASH subkey x\nHASHES\n" || r != "# pkg\nmain.go:1: HASH is no error\nHA\n\nend"[:len(r)] || len(r) < len("# pkg\nmain.go:1: HASH is no error\nHA\n\n") {
			t.Fatalf("in parts of %d: %q and %q", size, h, r)
		}
	}
}
