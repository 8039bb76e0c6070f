package plan

import "testing"

func TestCheckType(t *testing.T) {
	for _, good := range []string{
		"", "int", "*int", "*example.test/api.Greeter", "func(string) string", "func()", "func(a, b int, more ...example.test/x-y.T) (n int, err error)",
		"map[string][]example.test/api.T", "[16]byte", "[0x10]byte", "chan int", "chan<- example.test/a.T", "<-chan int", "<-chan<-chan int", "struct{}", "struct{ A int; B example.test/a.B }",
		"interface{}", "interface{ Greet(string) string }", "interface{ ~int | ~string }", "example.test/set.Set[int]", "example.test/set.Map[string, example.test/a.T]",
		"gopkg.in/yaml.v3.Node", "*my-mod.T", "(*int)", "error", "any", "func(func(int) error) func()", "[]*map[example.test/k.K]struct{}", "unsafe.Pointer",
	} {
		if err := checkType(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"func(", "map[string", "*", "int int", "example.test/api.", "example.test/api", "f()", "func(){}", "[]int{1}", "1", "[x]int{}", "a+b", "\"int\"", "[]", "map[]int", "a.b.", ".T",
		"&T", "-T", "T;", "int // x", "struct{", "func(int) (", "[3.5]int", "chan", "x\x00y",
	} {
		if err := checkType(bad); err == nil {
			t.Errorf("%q was taken for a type", bad)
		}
	}
}

func FuzzCheckType(f *testing.F) {
	for _, s := range []string{"*example.test/api.Greeter", "func(a ...b/c.D) <-chan int", "map[[", "\x01", "<-<-"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { checkType(s) })
}
