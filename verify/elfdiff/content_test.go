package elfdiff

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// constantsELF is a file whose functions take the addresses of strings, one each: `lea rel32(%rip), %rax; mov $len, %ebx; ret`, C's
// without the length. The strings lie in
// .rodata without symbols. A function's string is "text" or, to point into a stored one, "stored:text"; a Go function's name has a dot.
func constantsELF(stored []string, functions [][2]string) []byte {
	e := newELF()
	e.syms = nil
	text := e.sec(".text")
	text.data = bytes.Repeat([]byte{0x90}, 32*len(functions))
	for i, f := range functions {
		e.syms = append(e.syms, testSymbol{f[0], ".text", uint64(32 * i), 32})
	}
	e.sec(".rodata").data = []byte(strings.Join(stored, ""))
	e.syms = append(e.syms, testSymbol{"local.moduledata", ".comment", 0, 1})
	at := map[string]uint64{}
	b := e.bytes()
	f, err := openImage(Input{Path: "x", R: bytes.NewReader(b), Size: int64(len(b))})
	if err != nil {
		panic(err)
	}
	code, ro := f.section(".text").Addr, f.section(".rodata").Addr
	for _, s := range stored {
		at[s] = ro
		ro += uint64(len(s))
	}
	for i, fn := range functions {
		held, said, inner := strings.Cut(fn[1], ":")
		if !inner {
			said = held
		}
		to := at[held] + uint64(strings.Index(held, said))
		pc := code + uint64(32*i)
		k := copy(text.data[32*i:], []byte{0x48, 0x8d, 0x05})
		binary.LittleEndian.PutUint32(text.data[32*i+k:], uint32(to-pc-7))
		if strings.Contains(fn[0], ".") {
			text.data[32*i+7] = 0xbb
			binary.LittleEndian.PutUint32(text.data[32*i+8:], uint32(len(said)))
		}
		text.data[32*i+12] = 0xc3
	}
	return e.bytes()
}

func TestAddressesOfConstants(t *testing.T) {
	type functions = [][2]string
	for _, tt := range []struct {
		name           string
		aText, bText   []string
		a, b           functions
		want           Verdict
		changed, moved []string // functions
	}{
		{"a longer string moves the others", []string{"one", "three", "seventeen"}, []string{"three", "seventeen", "one and a half"},
			functions{{"main.one", "one"}, {"main.three", "three"}, {"main.more", "seventeen"}}, functions{{"main.one", "one and a half"}, {"main.three", "three"}, {"main.more", "seventeen"}},
			Code, []string{"main.one"}, []string{"main.three", "main.more"}},
		{"a new string between others", []string{"one", "three"}, []string{"one", "and", "three", "more"},
			functions{{"main.one", "one"}, {"main.three", "three"}}, functions{{"main.one", "one"}, {"main.three", "three"}, {"main.new", "and"}, {"main.other", "more"}}, Code, nil, []string{"main.one", "main.three"}},
		{"two strings of one length change places", []string{"three", "seven", "-"}, []string{"seven", "three", "--"},
			functions{{"main.a", "three"}, {"main.b", "seven"}, {"main.c", "-"}}, functions{{"main.a", "three"}, {"main.b", "seven"}, {"main.c", "--"}}, Code, []string{"main.c"}, []string{"main.a", "main.b"}},
		{"two functions change strings of one length", []string{"three", "seven", "-"}, []string{"three", "seven", "--"},
			functions{{"main.a", "three"}, {"main.b", "seven"}, {"main.c", "-"}}, functions{{"main.a", "seven"}, {"main.b", "three"}, {"main.c", "--"}}, Code, []string{"main.a", "main.b"}, nil},
		{"another string that begins the same", []string{"three", "threshold"}, []string{"threat", "threshold"},
			functions{{"main.a", "three"}, {"main.b", "threshold"}}, functions{{"main.a", "threat"}, {"main.b", "threshold"}}, Code, []string{"main.a"}, []string{"main.b"}},
		{"C's strings that share their ends", []string{"it is on\x00", "off\x00", "-\x00"}, []string{"on\x00", "it is off\x00", "--\x00"},
			functions{{"state", "it is on\x00"}, {"yes", "it is on\x00:on\x00"}, {"no", "off\x00"}}, functions{{"state", "it is off\x00"}, {"yes", "on\x00"}, {"no", "it is off\x00:off\x00"}},
			Code, []string{"state"}, []string{"yes", "no"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, y := constantsELF(tt.aText, tt.a), constantsELF(tt.bText, tt.b)
			for _, dir := range [][2][]byte{{x, y}, {y, x}} {
				r, err := Compare(input("a", dir[0]), input("b", dir[1]))
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != tt.want {
					t.Errorf("verdict %v, want %v\n%s", r.Verdict, tt.want, Text(r, true))
				}
				for _, f := range tt.changed {
					if !slices.Contains(r.Symbols.Changed, f) {
						t.Errorf("%s is not among the changed\n%s", f, Text(r, true))
					}
				}
				for _, f := range tt.moved {
					if slices.Contains(r.Symbols.Changed, f) {
						t.Errorf("%s is among the changed\n%s", f, Text(r, true))
					}
				}
			}
		})
	}
}

func TestAmd64Operand(t *testing.T) {
	for _, tt := range []struct {
		code  []byte
		width uint64
		ok    bool
	}{
		{[]byte{0x48, 0x8d, 0x05}, 0, true}, {[]byte{0x4c, 0x8d, 0x3d}, 0, true}, {[]byte{0x89, 0x8d, 0x05}, 0, false}, {[]byte{0x8d, 0x05}, 0, false},
		{[]byte{0xf2, 0x0f, 0x10, 0x05}, 8, true}, {[]byte{0xf3, 0x44, 0x0f, 0x10, 0x05}, 4, true}, {[]byte{0x90, 0x0f, 0x28, 0x05}, 16, true},
		{[]byte{0x48, 0x8b, 0x05}, 0, false}, {[]byte{0x48, 0x8d, 0x04}, 0, false}, {nil, 0, false},
	} {
		if w, ok := amd64Operand(append(slices.Clone(tt.code), 1, 2, 3, 4), len(tt.code)); w != tt.width || ok != tt.ok {
			t.Errorf("% x: %d, %v", tt.code, w, ok)
		}
	}
}
