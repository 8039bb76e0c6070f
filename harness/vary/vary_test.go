package vary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	if len(table) > 64 {
		t.Fatal("a Set has 64 bits")
	}
	seen := map[string]bool{}
	for _, v := range table {
		for _, n := range append([]string{v.Name}, v.aliases...) {
			if seen[n] || n == "all" || n == "default" || n == "" {
				t.Errorf("name %q", n)
			}
			seen[n] = true
		}
		if v.What == "" || v.Default && v.Changes != "" {
			t.Errorf("%+v", v)
		}
		if v.value != nil && (!v.value.MatchString(v.B) || v.B == v.A) {
			t.Errorf("%s: side B's own value %q does not fit", v.Name, v.B)
		}
	}
}

func TestParse(t *testing.T) {
	base := Default().Names()
	without := func(list []string, names ...string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(n string) bool { return slices.Contains(names, n) })
	}
	var every []string
	for _, v := range table {
		every = append(every, v.Name)
	}
	for _, tt := range []struct {
		text string
		want []string
		err  string
	}{
		{"+path", base, ""},
		{"-time", without(base, Time), ""},
		{"+all", every, ""},
		{"+all,-time", without(every, Time), ""},
		{" +all , -time ", without(every, Time), ""},
		{"-all", []string{}, ""},
		{"-all,+umask", []string{Umask}, ""},
		{"-all,@umask,+cc", []string{CC, Umask}, ""},
		{"-all,+build_path,+num_cpus", []string{Path, CPUs}, ""},
		{"-all,timezone=Asia/Tokyo", []string{TimeZone}, ""},
		{"-all,+default", base, ""},
		{"+all,-all,+cc", []string{CC}, ""},
		{"", nil, "chooses nothing"},
		{"  ", nil, "chooses nothing"},
		{"path", nil, "no sign"},
		{"+", nil, "no variation"},
		{"+path,,+home", nil, "item is empty"},
		{"+path,", nil, "item is empty"},
		{"+Path", nil, "no variation"},
		{"+no", nil, "no variation"},
		{"++path", nil, "no variation"},
		{"path=/x", nil, "takes no value"},
		{"+timezone=UTC", nil, "no variation"},
		{"timezone=UTC", nil, "side A has this value"},
		{"timezone=", nil, "no value of timezone"},
		{"umask=777", nil, "no value of umask"},
		{"umask=0o77", nil, "no value of umask"},
		{"host-name=a b", nil, "no value of host-name"},
		{"no=x", nil, "no variation"},
		{strings.Repeat("+path,", 1000) + "+path", nil, "longer than"},
		{"+path\x00", nil, "no variation"},
	} {
		s, err := Parse(tt.text)
		if tt.err != "" {
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want ... %s ...", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if d := cmp.Diff(tt.want, s.Names()); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, d)
		}
	}
}

func TestValues(t *testing.T) {
	s, err := Parse("timezone=Asia/Tokyo,umask=0027")
	if err != nil || s.Value(TimeZone) != "Asia/Tokyo" || s.Value(Umask) != "0027" || s.Value(Locale) != "tr_TR.UTF-8" {
		t.Fatal(s, err)
	}
	for text, want := range map[string]string{
		"timezone=Asia/Tokyo,@timezone":             "Asia/Kolkata",
		"timezone=Asia/Tokyo,-timezone,+timezone":   "Asia/Kolkata",
		"timezone=Asia/Tokyo,+timezone":             "Asia/Tokyo",
		"timezone=Asia/Tokyo,timezone=Asia/Kolkata": "Asia/Kolkata",
		"timezone=Asia/Tokyo,@all":                  "Asia/Kolkata",
	} {
		s, err := Parse(text)
		if err != nil || s.Value(TimeZone) != want || !s.Has(TimeZone) {
			t.Errorf("%s: %s, %v", text, s, err)
		}
	}
	if o := s.Without(TimeZone); o.Value(TimeZone) != "Asia/Kolkata" || s.Value(TimeZone) != "Asia/Tokyo" || !s.Only(Umask).Equal(o.Only(Umask)) {
		t.Error(o, s)
	}
}

// guilt is an oracle: there is a difference if all rows of one of its sets are on.
func guilt(sets ...[]string) (Test, *int) {
	calls := 0
	return func(_ context.Context, names []string) (bool, error) {
		calls++
		return slices.ContainsFunc(sets, func(set []string) bool {
			return !slices.ContainsFunc(set, func(n string) bool { return !slices.Contains(names, n) })
		}), nil
	}, &calls
}

func TestMinimize(t *testing.T) {
	every := all().Names()
	for _, tt := range []struct {
		name string
		sets [][]string
	}{
		{"one", [][]string{{Path}}},
		{"one, the last", [][]string{{FileOrder}}},
		{"a pair", [][]string{{Path, Umask}}},
		{"another pair", [][]string{{Home, FileOrder}}},
		{"three", [][]string{{CC, Locale, Kernel}}},
		{"one or another", [][]string{{Path}, {Locale}}},
		{"one or a pair", [][]string{{Path}, {Locale, Umask}}},
		{"all", [][]string{every}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(50) {
				test, calls := guilt(tt.sets...)
				s := &Search{Seed: seed, Most: 2000, Suspects: []string{TmpDir}}
				r, err := s.Minimize(t.Context(), every, test)
				if err != nil || !r.Minimal || r.Tests != *calls {
					t.Fatal(r, err, *calls)
				}
				// It makes a difference, and without any one of it there is none.
				if d, _ := test(t.Context(), r.Guilty); !d {
					t.Fatalf("seed %d: %v makes no difference", seed, r.Guilty)
				}
				for i := range r.Guilty {
					if d, _ := test(t.Context(), slices.Concat(r.Guilty[:i], r.Guilty[i+1:])); d {
						t.Fatalf("seed %d: %v is not minimal", seed, r.Guilty)
					}
				}
				test2, _ := guilt(tt.sets...)
				again, _ := (&Search{Seed: seed, Most: 2000, Suspects: []string{TmpDir}}).Minimize(t.Context(), every, test2)
				if d := cmp.Diff(r, again); d != "" {
					t.Fatalf("seed %d is not deterministic:\n%s", seed, d)
				}
			}
		})
	}
}

func TestMinimizeIsBounded(t *testing.T) {
	test, calls := guilt([]string{Path, Umask})
	r, err := (&Search{Most: 3}).Minimize(t.Context(), all().Names(), test)
	if err != nil || r.Minimal || *calls != 3 || !slices.Contains(r.Guilty, Path) || !slices.Contains(r.Guilty, Umask) {
		t.Error(r, err, *calls)
	}
	test, calls = guilt([]string{Path})
	s := &Search{Suspects: []string{Home, Path}}
	if r, err := s.Minimize(t.Context(), all().Names(), test); err != nil || !cmp.Equal(r, Result{Guilty: []string{Path}, Minimal: true, Tests: 2}) || *calls != 2 {
		t.Error(r, err, *calls)
	}
	if r, err := s.Minimize(t.Context(), all().Names(), test); err != nil || r.Tests != 0 || *calls != 2 { // remembered
		t.Error(r, err, *calls)
	}
	broken := errors.New("no disk")
	if _, err := (&Search{}).Minimize(t.Context(), all().Names(), func(context.Context, []string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"+all,-time,@path", "-all,timezone=Asia/Tokyo", "umask=0007,+cc", "", ",", "+", "a=b=c", "@all,-default", "+ path", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || s.Given() {
				t.Fatalf("%q: %v, %v", text, s, err)
			}
			return
		}
		again, err := Parse(s.String())
		if err != nil || !again.Equal(s) || again.String() != s.String() {
			t.Fatalf("%q is %s, which is %s (%v)", text, s, again, err)
		}
		for _, n := range s.Names() {
			if s.Without(n).Has(n) || !s.Only(n).Has(n) || s.Only(n).Len() != 1 {
				t.Fatalf("%q: %s", text, n)
			}
		}
	})
}

// FuzzMinimize holds ddmin to its promise against any oracle of up to three guilty sets.
func FuzzMinimize(f *testing.F) {
	f.Add(uint64(1), uint64(3), uint64(0), uint64(0))
	f.Add(uint64(7), uint64(1<<9|1<<20), uint64(1<<3), uint64(1<<5|1<<6|1<<7))
	f.Fuzz(func(t *testing.T, seed, x, y, z uint64) {
		every := all().Names()
		var sets [][]string
		for _, m := range []uint64{x, y, z} {
			if set := all().mask(all().on & m).Names(); len(set) > 0 {
				sets = append(sets, set)
			}
		}
		if len(sets) == 0 {
			return
		}
		test, _ := guilt(sets...)
		r, err := (&Search{Seed: seed, Most: 5000}).Minimize(t.Context(), every, test)
		if err != nil || !r.Minimal {
			t.Fatal(r, err)
		}
		if !slices.ContainsFunc(sets, func(set []string) bool {
			return len(set) == len(r.Guilty) && fmt.Sprint(Of(set...)) == fmt.Sprint(Of(r.Guilty...))
		}) {
			t.Fatalf("%v is none of %v", r.Guilty, sets)
		}
	})
}
