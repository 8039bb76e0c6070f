package userland

import (
	"go/format"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesAreThoseOfTheTables(t *testing.T) {
	want := strings.Fields("base64 cat chmod cp dmesg echo env false find gosh gunzip gzip hostname id insmod ln ls lsmod mkdir mktemp mount mv ps pwd rm sh shasum sleep tar touch true uname xargs")
	if diff := cmp.Diff(want, Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
}

func TestSourcesAreFormatted(t *testing.T) {
	for name, src := range Sources() {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		got, err := format.Source(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(string(got), string(src)); diff != "" {
			t.Errorf("%s is not formatted (-want +got):\n%s", name, diff)
		}
	}
}
