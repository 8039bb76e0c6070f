package cause

import "github.com/plugproof/plugproof/verify/elfdiff"

// diffVerdicts explains elfdiff's verdicts, from harmless to grave.
var diffVerdicts = []struct {
	id                elfdiff.Verdict
	meaning, how, fix string
}{
	{elfdiff.Identical, "the two files have the same bytes", "Equal SHA-256.", ""},
	{elfdiff.BuildIDOnly, "only the build IDs differ", "An input of the build changed, such as the spelling of CC, and nothing that it produced.", "find the input with plugproof rebuild, or give both builds -ldflags=-buildid="},
	{elfdiff.DebugOnly, "only what debuggers and tracebacks read differs", "DWARF, file names and lines. The code and the data are shown to be equal.", "see the causes; most often -trimpath"},
	{elfdiff.SymbolTable, "only symbol tables that the loader does not read differ", "One file was stripped, or local symbols have other names.", "see the causes; most often strip both"},
	{elfdiff.Data, "loaded data differs; no instruction and no fingerprint does", "An embedded time, host, path or version, the build information, constants.", "see the causes"},
	{elfdiff.Code, "instructions differ, or could not be shown to be equal", "Another source, compiler or flag.", "see the causes"},
	{elfdiff.ABI, "package fingerprints that plugin.Open compares differ", "A host that takes one file refuses the other, if it contains the packages.", "see the causes; plugproof abi HOST PLUGIN says what happens"},
	{elfdiff.Incomparable, "the files are for different machines, or of different kinds", "The ELF headers name another machine, class, byte order or type.", "compare two builds of one thing"},
}

// abiVerdicts explains the verdicts of `plugproof abi`, in the order of their precedence.
var abiVerdicts = []struct{ id, meaning, how, fix string }{
	{"host-cannot-load", "the host cannot open any plugin", "It is linked statically (F11) or was built without cgo (F12), its dynamic loader is not on the machine (F26) or does not know its relocations, or it hides the symbols of its runtime (-linkmode=internal, a linker's version script).", "build the host with CGO_ENABLED=1, dynamically linked, for the libc of the machine"},
	{"not-reached", "an earlier plugin ends the process before this one is opened", "The verdict of that plugin is abort.", "cure the earlier plugin"},
	{"abort", "opening it ends the process; no error can be caught", "A file cut short (F3), no Go plugin (F13), or a plugin of another Go minor release (F15).", "build host and plugin with the same Go release; check that the file is whole"},
	{"poisoned", "it opens, and the process crashes later", "An earlier plugin failed but stays in the process and owns data of a package that both have (F21).", "never open further plugins in a process in which one failed, or cure the first one"},
	{"not-found", "there is no such file", "realpath fails (F1).", "check the path"},
	{"not-a-plugin", "it is no Go plugin", "An executable (F5), a C library (F14), or a text (F2).", "build it with -buildmode=plugin"},
	{"dlopen-error", "the C library's loader refuses the file", "Another architecture (F4), a library or symbol that is missing (F6, F7), another libc (F8, F9), TLS (F10).", "build it for the machine and the libc of the host; ship the libraries that it needs"},
	{"already-loaded", "a plugin with the same path is loaded", "A copy of a loaded plugin, or two plugins with one plugin path (F18).", "give each plugin a package path of its own, or restart the process"},
	{"mismatch", "a package differs between host and plugin", "Another version, path, flag or Go patch release (F16), also of a package that only two plugins share (F19, F20).", "build both from the same module versions with the same Go and flags, with -trimpath"},
	{"symbol", "it opens, but a symbol that was asked for is missing or has another type", "Lookup fails (F24), or the host's type assertion (F25).", "export the symbol with the type that the host expects"},
	{"ok", "plugin.Open takes it", "All fingerprints agree and the loader has what it needs.", ""},
}
