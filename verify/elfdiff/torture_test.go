package elfdiff

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plugproof/plugproof/verify/goelf"
)

// The whole of it, 200 cuts and 2,500 corruptions of each of four files, is make torture.
var (
	cuts        = flag.Int("cuts", 10, "offsets at which each file of TestTorture is cut")
	corruptions = flag.Int("corruptions", 60, "corruptions of each file of TestTorture")
)

// Limits for one process that reads them all, one after the other.
const (
	tortureMemory = 256 << 20       // bytes of resident memory
	tortureEach   = 5 * time.Second // CPU time of one comparison
)

const tortureEnv = "PLUGPROOF_TORTURE" // "FILE CUTS CORRUPTIONS" makes the test's process the one that is measured

// TestTorture compares plugins with cut and corrupted copies of themselves, in a process of its own for each, and holds it to its
// memory and time.
func TestTorture(t *testing.T) {
	if spec := os.Getenv(tortureEnv); spec != "" {
		torture(t, strings.Fields(spec))
		return
	}
	b := newBuilder(t)
	trim := []string{"-trimpath", "-buildvcs=false"}
	stripped := []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	builds := map[string]build{"amd64": {args: trim}, "amd64 stripped": {args: stripped}}
	if _, err := exec.LookPath(armCC); *cuts < 100 {
		t.Log("plugins for arm are left to make torture")
	} else if err != nil {
		t.Logf("there is no %s, so no plugin for arm is cut or corrupted", armCC)
	} else {
		env := []string{"GOARCH=arm", "GOARM=7", "CC=" + armCC}
		builds["arm"], builds["arm stripped"] = build{args: trim, env: env}, build{args: stripped, env: env}
	}
	var total time.Duration
	for _, name := range sortedKeys(toNames(builds), nil) {
		t.Run(name, func(t *testing.T) {
			b.t = t
			file := b.build(builds[name])
			cmd := exec.Command(os.Args[0], "-test.run=^TestTorture$", "-test.v", "-test.timeout=15m")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", tortureEnv, file, *cuts, *corruptions))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out[max(0, len(out)-8000):])
			}
			u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if rss := u.Maxrss << 10; rss > tortureMemory {
				t.Errorf("%d MB were resident", rss>>20)
			}
			cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			total += cpu
			t.Logf("%d cuts, %d corruptions: %v of CPU, at most %d MB resident; %s", *cuts, *corruptions, cpu.Round(time.Millisecond), u.Maxrss>>10, summary(out))
		})
	}
	t.Logf("all: %v of CPU", total.Round(time.Millisecond))
}

const armCC = "arm-linux-gnueabihf-gcc"

func toNames(m map[string]build) map[string]string {
	out := map[string]string{}
	for k := range m {
		out[k] = ""
	}
	return out
}

// summary is the line that torture logs.
func summary(out []byte) string {
	if _, s, ok := strings.Cut(string(out), "answers: "); ok {
		s, _, _ = strings.Cut(s, "\n")
		return s
	}
	return "nothing was said"
}

func torture(t *testing.T, spec []string) {
	good, err := os.ReadFile(spec[0])
	if err != nil {
		t.Fatal(err)
	}
	cuts, _ := strconv.Atoi(spec[1])
	n, _ := strconv.Atoi(spec[2])
	targets := tables(t, good)
	answers, refused := 0, 0
	slowest, which := time.Duration(0), ""
	check := func(what string, bad []byte) {
		before := cpuTime()
		defer func() {
			if r := recover(); r != nil {
				name := filepath.Join(os.TempDir(), "torture-"+strings.ReplaceAll(what, " ", "-"))
				os.WriteFile(name, bad, 0o644)
				t.Fatalf("%s: panic: %v; the file is %s", what, r, name)
			}
		}()
		if f, err := goelf.Open(bytes.NewReader(bad), int64(len(bad))); err == nil {
			f.Plugin()
			f.Layout()
			f.Exports()
			f.FileNames()
			f.GoSym()
			f.BuildInfo()
		}
		a, b := input("good", good), input("bad", bad)
		if len(bad)%2 == 0 {
			a, b = b, a
		}
		r, err := Compare(a, b)
		in := (*InputError)(nil)
		switch {
		case errors.As(err, &in):
			refused++
		case err != nil:
			t.Errorf("%s: error %v is no InputError", what, err)
		default:
			answers++
			if r.Identical != bytes.Equal(good, bad) || r.Bytes.Explained > r.Bytes.Differing || !r.Identical && len(r.Causes) == 0 {
				t.Errorf("%s: identical %v, bytes %+v, %d causes", what, r.Identical, r.Bytes, len(r.Causes))
			}
			Text(r, true)
		}
		if d := cpuTime() - before; d > slowest {
			slowest, which = d, what
			if d > tortureEach {
				t.Errorf("%s: %v of CPU", what, d)
			}
		}
	}
	for i := range cuts {
		check(fmt.Sprintf("cut %d", i), good[:len(good)*i/cuts])
	}
	bad := make([]byte, len(good))
	for i := range n {
		copy(bad, good)
		spoil(rand.New(rand.NewPCG(7, uint64(i))), bad, targets, i%2 == 0)
		check(fmt.Sprintf("corruption %d", i), bad)
	}
	t.Logf("answers: %d, refused: %d, slowest: %s with %v", answers, refused, which, slowest.Round(time.Millisecond))
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tables are where headers and tables lie in a file: offset and length.
func tables(t *testing.T, b []byte) [][2]int {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out := [][2]int{{0, 64}, {64, 56 * len(f.Progs)}}
	shoff := int(binary.LittleEndian.Uint32(b[32:]))
	if f.Class == elf.ELFCLASS64 {
		shoff = int(binary.LittleEndian.Uint64(b[40:]))
	}
	out = append(out, [2]int{shoff, len(b) - shoff})
	for _, s := range f.Sections {
		switch s.Name {
		case ".dynamic", ".dynsym", ".gnu.hash", ".hash", ".rela.dyn", ".rel.dyn", ".rela.plt", ".symtab", ".note.go.buildid", ".note.gnu.build-id", ".go.buildinfo",
			".go.module", ".gnu.version", ".gnu.version_r", ".eh_frame_hdr", ".plt", ".got", ".debug_info":
			out = append(out, [2]int{int(s.Offset), int(s.Size)}, [2]int{int(s.Offset), min(int(s.Size), 128)})
		case ".gopclntab":
			out = append(out, [2]int{int(s.Offset), 72}, [2]int{int(s.Offset), int(s.Size)})
		}
	}
	return out
}

// spoil changes one to six places, in one of the tables or anywhere.
func spoil(rng *rand.Rand, b []byte, tables [][2]int, table bool) {
	values := []uint64{0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	at := tables[rng.IntN(len(tables))]
	for range 1 + rng.IntN(6) {
		off := rng.IntN(len(b))
		if table {
			off = min(at[0]+rng.IntN(max(1, at[1])), len(b)-1)
		}
		v := values[rng.IntN(len(values))]
		if rng.IntN(3) == 0 {
			v = rng.Uint64()
		}
		switch size := 1 << rng.IntN(4); {
		case size == 1 || off&^(size-1)+8 > len(b):
			b[off] = byte(v)
		case size == 2:
			binary.LittleEndian.PutUint16(b[off&^1:], uint16(v))
		case size == 4:
			binary.LittleEndian.PutUint32(b[off&^3:], uint32(v))
		default:
			binary.LittleEndian.PutUint64(b[off&^7:], v)
		}
	}
}
