package abi

import "io/fs"

// Options are what the files do not say.
type Options struct {
	Root        fs.FS    // the target's root file system, where the loader and the needed libraries lie; nil: not looked at
	RootName    string   // its name, for the report
	LibraryPath []string // the directories of LD_LIBRARY_PATH in the process
	NoDigest    bool     // do not compute the host's SHA-256
	NoCode      bool     // do not compare functions
	CPU         string   // the target's processor, as QEMU names it; "": not looked at

	// SameSource says of a package whether host and plugin were compiled from the same source, where the sources are at hand. known is
	// false where they are not.
	SameSource func(plugin, pkg string) (same, known bool)

	// Progress is told how many of the processes were simulated of which CheckOrders knows; it may be called by several goroutines, one at a time.
	Progress func(done, total int)

	files *fileCache
}
