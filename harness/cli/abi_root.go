package cli

import (
	"debug/elf"
	"os"
	"path/filepath"
	"sort"

	"github.com/plugproof/plugproof/verify/abi"
	"github.com/plugproof/plugproof/verify/goelf"
)

// loaderFile finds the C library that the default image carries for an architecture: the system's own at the path that hosts name, else
// the one among the cache's inputs. "" when there is none.
func (a *app) loaderFile(arch, interp string) string {
	if isLoader(interp, arch) {
		return interp
	}
	cache, err := a.cachePath()
	if err != nil {
		return ""
	}
	files, _ := filepath.Glob(filepath.Join(cache, "inputs", "*", "lib", "libc.so")) // the pattern is well formed
	sort.Strings(files)
	for _, f := range files {
		if isLoader(f, arch) {
			return f
		}
	}
	return ""
}

func isLoader(file, arch string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false
	}
	e, err := goelf.Open(f, st.Size())
	return err == nil && e.Type == elf.ET_DYN && abi.Arch(e) == arch
}
