package toolchain

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// answers is what a C compiler says about itself.
type answers struct {
	banner     string   // "gcc version ..." or "clang version ...", the line that Go looks at
	loaderPath string   // what it passes as -dynamic-linker
	libcDir    string   // where it takes crti.o from
	real       string   // COLLECT_GCC: what a wrapper runs
	include    []string // where it searches for <...>
	files      []string // specs, plugins, crt files and archives named in its commands
	progs      []string // "NAME FILE"; FILE without a slash is looked up in PATH, as the compiler does
}

// questions puts all questions in one process. Nothing is compiled: -### only prints the commands.
const questions = `
for mode in "" -shared -static; do "$@" -v '-###' $mode -x c /dev/null -o /dev/null 2>&1; done
"$@" -E -v -x c /dev/null 2>&1 >/dev/null
for p in cc1 as ld ld.bfd ld.gold ld.lld collect2 lto1 lto-wrapper; do echo "prog: $p $("$@" -print-prog-name=$p)"; done
for f in crtbegin.o crtbeginS.o crtbeginT.o crtend.o crtendS.o libgcc.a libgcc_eh.a libgcc_s.so libgcc_s.so.1 liblto_plugin.so specs; do
	echo "file: $("$@" -print-file-name=$f)"
done
exit 0
`

// absolute finds the absolute paths in a command that -### prints, whatever option they are glued to.
var absolute = regexp.MustCompile(`/[^\s"'=:]+`)

// ask lets the compiler at path, found with PATH=dirs, describe itself.
func ask(ctx context.Context, dirs []string, path string, args []string) (answers, error) {
	sh := append([]string{"-c", questions, "sh", path}, args...)
	out, _, err := output(ctx, false, []string{"PATH=" + strings.Join(dirs, ":"), "LC_ALL=C"}, "/bin/sh", sh...)
	if err != nil {
		return answers{}, fmt.Errorf("asking the C compiler %q what it is: %w", path, err)
	}
	a := parseAnswers(out)
	if a.banner == "" {
		return answers{}, &Error{Msg: fmt.Sprintf("%q is no C compiler that works", path), Err: fmt.Errorf("%s", tail(out)), hint: "it must understand -v and -### as gcc and clang do"}
	}
	return a, nil
}

func parseAnswers(out string) answers {
	var a answers
	searching := false
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#include <...>"):
			searching = true
		case line == "End of search list.":
			searching = false
		case searching:
			a.include = append(a.include, strings.TrimSpace(line))
		case len(words) == 0:
		case strings.HasPrefix(line, "prog: "):
			a.progs = append(a.progs, strings.TrimPrefix(line, "prog: "))
		case strings.HasPrefix(line, "file: "):
			a.files = append(a.files, strings.TrimPrefix(line, "file: "))
		case strings.HasPrefix(line, "Reading specs from "):
			a.files = append(a.files, strings.TrimPrefix(line, "Reading specs from "))
		case strings.HasPrefix(line, "COLLECT_GCC="):
			a.real = strings.TrimPrefix(line, "COLLECT_GCC=")
		case a.banner == "" && slices.Contains(words, "version") && (words[0] == "gcc" || slices.Contains(words, "clang")):
			a.banner = strings.TrimSpace(line)
		case strings.HasPrefix(line, " "):
			a.command(line, words)
		}
	}
	a.include, a.files = unique(a.include), unique(a.files)
	return a
}

// command reads one command line that the compiler would run.
func (a *answers) command(line string, words []string) {
	for i, w := range words {
		w = strings.Trim(w, `"`)
		switch {
		case w == "-dynamic-linker" && i+1 < len(words):
			a.loaderPath = strings.Trim(words[i+1], `"`)
		case strings.HasSuffix(w, "/crti.o") && a.libcDir == "":
			a.libcDir = filepath.Dir(w)
		}
	}
	a.files = append(a.files, absolute.FindAllString(line, -1)...)
}

// libcFiles are the parts of a libc that links read, found in the directory of crti.o.
var libcFiles = regexp.MustCompile(`^(.*crt[0-9in]*\.o|lib(c|m|dl|pthread|rt|util|resolv|xnet|crypt|c_nonshared)\.(a|so)(\.[0-9]+)?)$`)

// parts lists everything of the compiler that reaches a program's bytes. Labels hold no directory of this machine; those of
// the libc begin with "libc/".
func (a answers) parts(dirs []string, driver string) ([]part, error) {
	parts := []part{{label: "driver", path: driver}}
	if a.real != "" {
		if real, err := lookIn(dirs, a.real); err == nil {
			parts = append(parts, part{label: "driver", path: real})
		}
	}
	for _, p := range a.progs {
		name, file, _ := strings.Cut(p, " ")
		if real, err := lookIn(dirs, file); err == nil {
			parts = append(parts, part{label: "prog/" + name, path: real})
		}
	}
	for _, f := range a.files {
		if f == a.loaderPath || filepath.Dir(f) == a.libcDir && libcFiles.MatchString(filepath.Base(f)) {
			continue // the first is for the target and may lie here by chance; the second follow
		}
		if st, err := os.Stat(f); err == nil && filepath.IsAbs(f) && st.Mode().IsRegular() {
			parts = append(parts, part{label: "file/" + filepath.Base(f), path: f})
		}
	}
	if a.libcDir != "" {
		entries, err := os.ReadDir(a.libcDir)
		if err != nil {
			return nil, fmt.Errorf("listing the libc: %w", err)
		}
		for _, e := range entries {
			if libcFiles.MatchString(e.Name()) {
				parts = append(parts, part{label: "libc/lib/" + e.Name(), path: filepath.Join(a.libcDir, e.Name())})
			}
		}
	}
	for _, dir := range a.include {
		prefix := "include"
		if exists(filepath.Join(dir, "stdio.h")) {
			prefix = "libc/include"
		}
		found, err := walk(dir, prefix, nil)
		if err != nil {
			return nil, err
		}
		parts = append(parts, found...)
	}
	for _, p := range slices.Clone(parts) {
		if strings.HasPrefix(p.label, "prog/") || p.label == "driver" {
			parts = append(parts, libraries(p.path, map[string]bool{})...)
		}
	}
	return parts, nil
}

// hostLibc matches the libraries that a program merely runs on. Others (libbfd, libopcodes, libisl, libLLVM ...) decide what it writes.
var hostLibc = regexp.MustCompile(`^(lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+)\.|ld-|linux-vdso)`)

// libraries lists the shared libraries of a program, and theirs. Files that are no ELF have none.
func libraries(path string, seen map[string]bool) []part {
	f, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil
	}
	dirs, _ := filepath.Glob("/usr/lib/*-linux-gnu*")
	dirs = append(dirs, "/usr/lib64", "/usr/lib", "/lib64", "/lib", filepath.Dir(path), filepath.Join(filepath.Dir(path), "..", "lib"))
	var parts []part
	for _, name := range names {
		if seen[name] || hostLibc.MatchString(name) {
			continue
		}
		seen[name] = true
		for _, dir := range dirs {
			if file := filepath.Join(dir, name); isShared(file, f.Machine) {
				parts = append(parts, part{label: "lib/" + name, path: file})
				parts = append(parts, libraries(file, seen)...)
				break
			}
		}
	}
	return parts
}

// unique keeps the first of equal strings.
func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
