package cause

// failures are the ways in which plugin.Open fails, or its host does. Texts follow `plugin.Open("NAME"): ` unless they are the process's last words.
var failures = []struct {
	id, meaning, how, fix string
	texts                 []string
	upstream              []string
}{
	{"F1", "no such file", "The C library's realpath fails.", "check the path", []string{"realpath failed"}, nil},
	{"F2", "the file is empty or a text", "The loader finds no ELF header.", "ship the built file", []string{"PATH: file too short", "Error loading shared library PATH: Exec format error"}, nil},
	{"F3", "the file is cut inside a loaded segment", "The loader maps it and reads beyond its end. It kills the process.", "compare the file's size and digest with what was built", []string{"SIGBUS: bus error"}, nil},
	{"F4", "the file is for another architecture", "The ELF header names another machine or class.", "build for the host's GOARCH", []string{"PATH: wrong ELF class: ELFCLASS32", "Error loading shared library PATH: Exec format error"}, nil},
	{"F5", "the file is an executable", "Loaders refuse to load programs as libraries.", "build with -buildmode=plugin", []string{"PATH: cannot dynamically load executable", "Error loading shared library PATH: Resource busy"}, nil},
	{"F6", "a library that it needs is not there", "DT_NEEDED names a library that is on no search path.", "ship the library, or link it statically", []string{"libX.so: cannot open shared object file: No such file or directory", "Error loading shared library libX.so: No such file or directory (needed by PATH)"}, nil},
	{"F7", "a C symbol that it needs is not there", "A strong undefined symbol that no loaded library defines.", "link against the library that defines it", []string{"PATH: undefined symbol: S", "Error relocating PATH: S: symbol not found"}, nil},
	{"F8", "a musl plugin in a glibc host", "It needs libc.so, which on a glibc system is a linker script.", "build it with the C compiler of the host's libc", []string{"libc.so: invalid ELF header"}, nil},
	{"F9", "a glibc plugin in a musl host", "musl takes libc.so.6 as itself; the plugin loads if it uses no symbol that only glibc has.", "build it with a musl C compiler", []string{"Error relocating PATH: __vfprintf_chk: symbol not found"}, []string{"krakend/krakend-ce#178"}},
	{"F10", "a c-shared library in a musl host", "Its Go runtime's thread-local storage is of the initial-exec model, which musl refuses.", "build with -buildmode=plugin", []string{"Error relocating PATH: free: initial-exec TLS resolves to dynamic definition in PATH"}, []string{"golang/go#54805"}},
	{"F11", "the host is linked statically", "A static program has no loader. On glibc the process is killed.", "link the host dynamically", []string{"fatal error: runtime: no plugin module data", "Dynamic loading not supported"}, nil},
	{"F12", "the host was built without cgo", "The plugin package is a stub then.", "build the host with CGO_ENABLED=1", []string{"plugin: not implemented"}, nil},
	{"F13", "a library without Go's plugin data is opened first", "The runtime finds no module that was added. It kills the process.", "build with -buildmode=plugin", []string{"fatal error: runtime: no plugin module data"}, []string{"golang/go#33072"}},
	{"F14", "a library without Go's plugin data is opened after a good plugin", "The runtime takes the last good plugin for it.", "build with -buildmode=plugin", []string{"plugin already loaded"}, nil},
	{"F15", "the plugin is of another Go minor release", "The runtime's module data has another layout, so the plugin links itself into a place that the host does not read. It kills the process.", "build host and plugin with the same Go release", []string{"fatal error: runtime: no plugin module data", "plugin already loaded"}, []string{"golang/go#33072"}},
	{"F16", "a package differs", "The fingerprint of a package in the plugin is not that of the first definition in the process.", "build both from the same module versions with the same Go and flags, with -trimpath", []string{"plugin was built with a different version of package P"}, []string{"golang/go#27751", "golang/go#31354"}},
	{"F17", "a plugin that failed is opened again", "The runtime remembers the failure.", "restart the process", []string{"plugin was built with a different version of package P (previous failure)"}, nil},
	{"F18", "a plugin with the same plugin path is loaded already", "A copy of it, or another plugin whose package has the same import path.", "give each plugin a package path of its own", []string{"plugin already loaded"}, []string{"golang/go#19004", "golang/go#64247"}},
	{"F19", "two plugins have different versions of a package that the host lacks", "The first one opened defines it; the second one differs. In the other order the other one fails.", "build the plugins from the same module versions", []string{"plugin was built with a different version of package P"}, nil},
	{"F20", "a bad plugin, then its fixed build in the same process", "The failed file stays in the process and defines the package.", "restart the process", []string{"plugin was built with a different version of package P"}, nil},
	{"F21", "a failed plugin owns data of a later good one", "Both share a package that the host lacks; the good one opens, but its variables live in the failed file, which the garbage collector does not scan. The process crashes later.", "restart the process after a failed open", []string{"SIGSEGV", "unexpected fault address"}, nil},
	{"F22", "a package's init panics", "The panic leaves plugin.Open; if it is recovered, opening the file again blocks for ever.", "never panic in init; open plugins under a deadline in a process of their own", nil, nil},
	{"F23", "a function's body differs although the fingerprints agree", "Fingerprints do not cover bodies that are not inlined, assembly or C. Two versions of the code run in one process.", "build both from the same commit; plugproof abi lists the functions under drift", nil, nil},
	{"F24", "Lookup of a name that is absent", "The plugin does not export it.", "export the symbol from the plugin's main package", []string{"plugin: symbol X not found in plugin P"}, nil},
	{"F25", "the host asserts another type", "A variable is looked up as a pointer to it; a function as a function.", "assert *T for a variable of type T, or use the two-value form", []string{"interface conversion panic"}, nil},
	{"F26", "the host's loader is absent", "PT_INTERP names a file that the machine does not have.", "build the host for the machine's libc", []string{"no such file or directory, exit 127"}, nil},
	{"F27", "the plugin uses instructions that the processor lacks", "GOAMD64=v3 on an older processor; the fingerprints agree.", "build with the GOAMD64 of the oldest machine", []string{"SIGILL"}, nil},
}
