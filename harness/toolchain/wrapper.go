package toolchain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// specs turns a GNU cross compiler for glibc into one for the musl under its sysroot (%R), the way musl-gcc.specs does it
// (musl's tools/musl-gcc.specs.sh). It holds no path, so it is the same file on every machine.
const specs = `%%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem %%R/include -isystem include%%s %%(old_cpp_options)

*cc1:
%%(cc1_cpu) -nostdinc -isystem %%R/include -isystem include%%s

*link_libgcc:
-L%%R/lib -L .%%s

*libgcc:
libgcc.a%%s %%:if-exists(libgcc_eh.a%%s)

*startfile:
%%{!shared: %%R/lib/Scrt1.o} %%R/lib/crti.o crtbeginS.o%%s

*endfile:
crtendS.o%%s %%R/lib/crtn.o

*link:
-dynamic-linker %[1]s -nostdlib %%{shared:-shared} %%{static:-static} %%{rdynamic:-export-dynamic}

*esp_link:


*esp_options:


*esp_cpp_options:


`

// wrapper finds its specs and the libc by its own place, so that it too is the same file on every machine, and CC is one word.
// Headers are named by DWARF and __FILE__: the prefix map gives them one name everywhere, and canonical names are switched off
// because gcc would resolve links in the cache's path and so escape the map.
const wrapper = `#!/bin/sh
# %[1]s: %[2]s for the musl in this cache. Written by plugproof.
bin=${0%%/*}
home=${bin%%/*}
cc=${home%%/*}
root=${cc%%/*}/inputs/%[3]s
exec %[2]s %[4]s --sysroot="$root" -specs="$home/musl.specs" -fno-canonical-system-headers -ffile-prefix-map="$root"=/usr/%[3]s "$@"
`

// install writes the row's wrapper and specs beneath Cache/cc and returns the wrapper's directory. The directory's name is the
// hash of both, so another version of plugproof never finds its own changed under it.
func (s *Store) install(r row) (bin string, err error) {
	spec := fmt.Appendf(nil, specs, r.loaderPath)
	script := fmt.Appendf(nil, wrapper, r.cc, r.real, r.input, strings.Join(r.flags, " "))
	home := filepath.Join(s.Cache, "cc", results.DigestOf(append(script, spec...)).Short())
	bin = filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("installing the compiler %q: %w", r.cc, err)
	}
	for _, f := range []struct {
		path string
		data []byte
		mode os.FileMode
	}{{filepath.Join(home, "musl.specs"), spec, 0o644}, {filepath.Join(bin, r.cc), script, 0o755}} {
		if err := writeOnce(f.path, f.data, f.mode); err != nil {
			return "", fmt.Errorf("installing the compiler %q: %w", r.cc, err)
		}
	}
	return bin, nil
}

// writeOnce makes path hold data, in one step, and leaves it alone if it does already.
func writeOnce(path string, data []byte, mode os.FileMode) error {
	if st, err := os.Lstat(path); err == nil && st.Mode() == mode && st.Size() == int64(len(data)) {
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
			return nil
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil { // a program that is open for writing cannot be run (ETXTBSY)
		return err
	}
	return os.Rename(tmp.Name(), path)
}
