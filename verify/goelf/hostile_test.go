package goelf

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"math"
	"math/rand/v2"
	"runtime"
	"sort"
	"testing"
)

// exercise calls every reader. Errors are answers.
func exercise(f *File) {
	f.BuildInfo()
	f.GNUBuildID()
	f.GoBuildID()
	f.GoVersion()
	f.Needed()
	f.Interp()
	f.VersionNeeds()
	f.VersionDefs()
	f.SymbolVersion(1)
	f.DynString(elf.DT_SONAME)
	f.Plugin()
	f.PackageHashes()
	f.PackageHash("runtime")
	f.ModuleDataSize()
	f.FileNames()
	f.GoSym()
	f.DWARF(8 << 20)
	f.CompileUnits(8<<20, func(*dwarf.Entry) bool { return true })
	f.Layout()
	exports, _ := f.Exports()
	if types, err := f.Types(); err == nil {
		for _, e := range exports {
			if typ, err := types.Of(e); err == nil {
				types.Members(typ)
			}
		}
	}
	for range f.DynSymbols() {
	}
	for range f.Symbols() {
	}
	for r, err := range f.Relocs() {
		if err != nil {
			break
		}
		f.AddendOf(r)
	}
	for i := range f.Sections {
		f.Data(&f.Sections[i], 1<<20)
	}
}

func seeds() [][]byte {
	var names []string
	all := fakes()
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	var out [][]byte
	for _, name := range names {
		out = append(out, all[name].write())
	}
	return out
}

// TestCorrupted changes bytes at seeded places, half of them in the headers, and cuts files. Each must be read or refused in bounded memory.
func TestCorrupted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const limit = 64 << 20 // bytes allocated in all while one file is read
	values := []byte{0, 1, 0x7f, 0x80, 0xff}
	var before, after runtime.MemStats
	for _, seed := range seeds() {
		for i := range 700 {
			b := bytes.Clone(seed)
			for range 1 + rng.IntN(6) {
				at := rng.IntN(len(b))
				if i%2 == 0 {
					at = rng.IntN(200)
				}
				b[at] = values[rng.IntN(len(values))]
				if rng.IntN(3) == 0 {
					b[at] = byte(rng.Uint32())
				}
			}
			if i%5 == 0 {
				b = b[:rng.IntN(len(b))]
			}
			runtime.ReadMemStats(&before)
			if f, err := Open(bytes.NewReader(b), int64(len(b))); err == nil {
				exercise(f)
			}
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > limit {
				t.Fatalf("corruption %d of a file of %d bytes: %d bytes were allocated", i, len(seed), after.TotalAlloc-before.TotalAlloc)
			}
		}
	}
}

// TestHostileCounts sets each dynamic entry in turn to huge and to looping values.
func TestHostileCounts(t *testing.T) {
	for name, fk := range fakes() {
		seed := fk.write()
		f := open(t, seed)
		dyn := f.Segment(elf.PT_DYNAMIC)
		for i := range f.Dynamic {
			at := int(dyn.Off) + (2*i+1)*f.PtrSize()
			for _, v := range []uint64{0, 1, 64, 0xffffffff, math.MaxUint64, uint64(len(seed)) - 1, 1 << 31} {
				b := bytes.Clone(seed)
				if f.PtrSize() == 8 {
					f.Order.PutUint64(b[at:], v)
				} else {
					f.Order.PutUint32(b[at:], uint32(v))
				}
				g, err := Open(bytes.NewReader(b), int64(len(b)))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				exercise(g)
			}
		}
	}
}

// TestHashLoop has a DT_HASH chain that points at itself.
func TestHashLoop(t *testing.T) {
	fk := fakes()["amd64 sysv hash"]
	b := fk.write()
	f := open(t, b)
	at, _ := f.DynValue(elf.DT_HASH)
	f.Order.PutUint32(b[at+12+4*3:], 3) // chain[3] = 3
	f = open(t, b)
	if _, ok, err := f.LookupDyn("no such symbol", nil); ok || err == nil {
		t.Errorf("LookupDyn = %v, %v, want an error", ok, err)
	}
}

// TestManyLookUps holds that honest chains are walked however often: thousands of processes are simulated with one file.
func TestManyLookUps(t *testing.T) {
	for name, fk := range fakes() {
		f := open(t, fk.write())
		f.steps.Store(maxSteps)
		for s, err := range f.DynSymbols() {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, _, err := f.LookupDyn(s.Name, nil); err != nil {
				t.Errorf("%s: LookupDyn(%q): %v", name, s.Name, err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := Open(bytes.NewReader(b), int64(len(b))); err == nil {
			exercise(g)
		}
	})
}
