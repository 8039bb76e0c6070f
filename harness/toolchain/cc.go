package toolchain

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Elsewhere is the override for a C compiler that a project names: where it lies in none of the usual directories, it is
// looked up in the caller's, and its own directory alone is added. An empty name is no override.
func Elsewhere(cc string, dirs []string) *CCOverride {
	words := strings.Fields(cc)
	if len(words) == 0 {
		return nil
	}
	o := &CCOverride{CC: cc}
	if _, err := lookIn(DefaultPath, words[0]); err != nil {
		if file, err := lookIn(dirs, words[0]); err == nil {
			o.Path = []string{filepath.Dir(file)}
		}
	}
	return o
}

// CCOverride is another C compiler than the default, from [cc.ARCH].
type CCOverride struct {
	CC   string   // a command as CC= takes it, such as "armv7l-linux-musleabihf-gcc" or "clang --target=..."
	Path []string // directories to look it up in before the Store's
}

// findC is C without a memory.
func (s *Store) findC(ctx context.Context, arch, libc string, override *CCOverride) (C, error) {
	r, ok := findRow(arch, libc)
	if !ok {
		return C{}, &Error{Msg: fmt.Sprintf("no C toolchain is known for %q on %q", libc, arch), hint: fmt.Sprintf("known for musl: %s", strings.Join(Arches("musl"), ", "))}
	}
	c := C{Arch: arch, Libc: libc, CC: r.cc, LoaderPath: r.loaderPath, Path: s.path()}
	if override != nil {
		c.CC = override.CC
		c.Path = slices.Concat(override.Path, s.path())
	} else if r.real != "" {
		if _, err := lookIn(s.path(), r.real); err != nil {
			return C{}, noCompiler(r.real, r, err)
		}
		if lib := s.input(r, "lib", "libc.so"); !exists(lib) {
			return C{}, &Error{Msg: fmt.Sprintf("musl for %s is not there: no %q", arch, lib), hint: "run scripts/deps"}
		}
		bin, err := s.install(r)
		if err != nil {
			return C{}, err
		}
		c.Path = append([]string{bin}, s.path()...)
	}
	words := strings.Fields(c.CC)
	if len(words) == 0 {
		return C{}, &Error{Msg: fmt.Sprintf("the C compiler for %s is an empty command", arch), hint: `write cc = "COMMAND" under [cc.` + arch + "]"}
	}
	driver, err := lookIn(c.Path, words[0])
	if err != nil {
		return C{}, noCompiler(words[0], r, err)
	}
	c.Env = append([]string{"CGO_ENABLED=1", "CC=" + c.CC}, r.env...)
	a, err := ask(ctx, c.Path, driver, words[1:])
	if err != nil {
		return C{}, err
	}
	c.Banner = a.banner
	if override != nil && a.loaderPath != "" {
		c.LoaderPath = a.loaderPath
	}
	parts, err := a.parts(c.Path, driver)
	if err != nil {
		return C{}, err
	}
	cache := s.openCache("cc-"+arch+"-"+libc, driver+" "+c.CC)
	if c.Digest, err = s.partsDigest(ctx, cache, parts); err != nil {
		return C{}, err
	}
	if own := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !strings.HasPrefix(p.label, "libc/") }); len(own) > 0 {
		if c.LibcDigest, err = s.partsDigest(ctx, cache, own); err != nil {
			return C{}, err
		}
	}
	if c.Loader, err = s.loader(r, a.libcDir); err != nil {
		return C{}, err
	}
	if c.LoaderDigest, err = cache.digest(c.Loader); err != nil {
		return C{}, fmt.Errorf("reading the loader for %s: %w", arch, err)
	}
	return c, cache.save()
}

func noCompiler(name string, r row, err error) error {
	return &Error{Msg: fmt.Sprintf("the C compiler %q for %s and %s is not there", name, r.libc, r.arch), Err: err,
		hint: fmt.Sprintf("run scripts/deps (Debian has it in %s), or name another under [cc.%s]", r.pkg, r.arch)}
}

// input is a file of the row's libc beneath Cache/inputs.
func (s *Store) input(r row, elem ...string) string {
	return filepath.Join(append([]string{s.Cache, "inputs", r.input}, elem...)...)
}

// loader finds the file of the dynamic loader: the libc that the compiler links with, if it is one for this machine, else the row's.
func (s *Store) loader(r row, libcDir string) (string, error) {
	var tried []string
	for _, file := range []string{filepath.Join(libcDir, "libc.so"), s.input(r, "lib", "libc.so"), r.loader} {
		if !filepath.IsAbs(file) {
			continue
		}
		real, err := filepath.EvalSymlinks(file)
		if err == nil && isShared(real, r.machine) {
			return real, nil
		}
		tried = append(tried, file)
	}
	return "", &Error{Msg: fmt.Sprintf("no dynamic loader of %s for %s; tried %q", r.libc, r.arch, tried), hint: "run scripts/deps"}
}

func isShared(path string, m elf.Machine) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Type == elf.ET_DYN && f.Machine == m
}

// lookIn finds a command in directories, as a shell does with PATH; a name with a slash is itself.
func lookIn(dirs []string, name string) (string, error) {
	if strings.Contains(name, "/") {
		dirs, name = []string{filepath.Dir(name)}, filepath.Base(name)
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("looking for %q in %s: %w", name, strings.Join(dirs, ":"), os.ErrNotExist)
}
