package toolchain

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief is one Finding in a line, without what differs between machines.
func brief(f Finding) string {
	words := []string{f.Name, "missing"}
	if f.Found {
		words[1] = "found"
	}
	if f.Optional {
		words = append(words, "optional")
	}
	if f.Version != "" {
		words = append(words, f.Version)
	}
	if f.Problem != "" {
		words = append(words, "problem")
	}
	if f.Get != "" {
		words = append(words, "get: "+f.Get)
	}
	return strings.Join(words, " ")
}

func TestDoctor(t *testing.T) {
	const apt = "get: apt-get install -y --no-install-recommends "
	tests := []struct {
		name  string
		files map[string]string // beneath a directory whose bin is the whole PATH
		want  []string
	}{
		{"nothing", nil, []string{
			"go missing get: scripts/deps",
			"C for musl on amd64 missing problem get: scripts/deps",
			"C for musl on arm missing problem get: scripts/deps",
			"qemu-system-x86_64 missing " + apt + "qemu-system-x86",
			"qemu-system-arm missing " + apt + "qemu-system-arm",
			"qemu-arm-static missing optional " + apt + "qemu-user-static",
			"git missing " + apt + "git",
			"faketime missing optional " + apt + "faketime",
			"kernel-amd64 missing get: scripts/deps",
			"kernel-arm missing get: scripts/deps",
			"musl-armhf missing get: scripts/deps",
		}},
		{"fakes", map[string]string{
			"bin/go":                              "#!/bin/sh\necho /usr/lib/go-1.19\necho go1.19.8\n",
			"bin/qemu-system-x86_64":              "#!/bin/sh\necho 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)'\n",
			"bin/qemu-system-arm":                 "#!/bin/sh\necho broken >&2\nexit 1\n",
			"bin/qemu-arm":                        "#!/bin/sh\necho 'qemu-arm version 10.0.13'\n",
			"bin/git":                             "no mode bit, so it does not count\n",
			"bin/musl-gcc":                        "#!/bin/sh\nexit 0\n",
			"cache/inputs/kernel-arm/vmlinuz":     "x",
			"cache/inputs/kernel-amd64/config":    "no kernel",
			"cache/inputs/musl-armhf/lib/libc.so": "x",
			"cache/inputs/kernel-arm/manifest.json": `{"packages": [{"name": "linux-image-armmp", "version": "6.1.176-1"},
				{"name": "linux-image-6.1.0-50-armmp", "version": "6.1.176-1"}]}`,
		}, []string{
			"go missing go1.19.8 problem get: scripts/deps",
			"C for musl on amd64 missing problem get: scripts/deps",
			"C for musl on arm missing problem get: scripts/deps",
			"qemu-system-x86_64 found 7.2.22",
			"qemu-system-arm missing problem " + apt + "qemu-system-arm",
			"qemu-arm-static found optional 10.0.13",
			"git missing " + apt + "git",
			"faketime missing optional " + apt + "faketime",
			"kernel-amd64 missing get: scripts/deps",
			"kernel-arm found linux-image-6.1.0-50-armmp 6.1.176-1",
			"musl-armhf found",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range tt.files {
				write(t, filepath.Join(dir, name), data)
			}
			s := &Store{Cache: filepath.Join(dir, "cache"), Path: []string{filepath.Join(dir, "bin")}}
			if exists(filepath.Join(dir, "bin", "go")) {
				s.Bootstrap = filepath.Join(dir, "bin", "go")
			}
			found, err := s.Doctor(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, brief(f))
				if f.Found == (f.Get != "") || f.Needed == "" {
					t.Errorf("%+v", f)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestDoctorHere(t *testing.T) {
	s := store(t)
	need(t, s, "musl-gcc", "arm-linux-gnueabihf-gcc", "git")
	found, err := s.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Logf("%s: %+v", f.Name, f)
		if strings.HasPrefix(f.Name, "C for") && (!f.Found || !strings.HasPrefix(f.Version, "gcc version")) {
			t.Errorf("%+v", f)
		}
	}
}
