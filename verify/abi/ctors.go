package abi

import (
	"debug/elf"
	"fmt"
	"path"
	"strings"
)

// plainInits is the length of a plugin's DT_INIT_ARRAY without C code of its own: the compiler's frame_dummy and Go's addmoduledata.
const plainInits = 2

// constructors says that functions in C run while a plugin is opened.
func (p *process) constructors(l loading) {
	size, ok := l.obj.file.DynValue(elf.DT_INIT_ARRAYSZ)
	if !l.fresh || !ok {
		return
	}
	if mod, err := moduleOf(l.obj); err != nil || mod == nil {
		return
	}
	if n := size / uint64(l.obj.file.PtrSize()); n > plainInits && n < 1<<16 {
		p.limit("%s: its C code has %d constructors, which run while it is opened: what they do was not looked at; one that aborts or exits ends the process", l.obj.path, n-plainInits)
	}
}

// sanitized says what AddressSanitizer's runtime does when a plugin brings it, or comes into a process that has it. It looks while it is loaded
// (libsanitizer/asan/asan_linux.cpp, asan_globals.cpp).
func (p *process) sanitized(o *object, fresh []*object) loading {
	is := func(name string) bool { return strings.HasPrefix(path.Base(name), "libasan.so") }
	for _, dep := range fresh {
		if is(dep.name) {
			return loading{fatal: "it was built with -asan or -fsanitize=address, its host was not: AddressSanitizer's runtime ends the process with \"ASan runtime does not come first in initial library list\", unless LD_PRELOAD names it"}
		}
	}
	needed, err := o.file.Needed()
	if err != nil {
		return loading{}
	}
	for _, n := range needed {
		if is(n) {
			return loading{unsure: fmt.Sprintf("host and plugin were built with -asan or -fsanitize=address: both have the C variables of runtime/cgo, and AddressSanitizer's runtime (%s) ends the process for that, an odr-violation, unless ASAN_OPTIONS has detect_odr_violation=0", n)}
		}
	}
	return loading{}
}
