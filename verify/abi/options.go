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

	// OtherGo says that a plugin was compiled by another Go than the host, although both may call themselves by one version: then their
	// standard libraries are not taken to be the same. Nil: that is not known.
	OtherGo func(plugin string) bool

	// Progress is told how many of the processes were simulated of which CheckOrders knows; it may be called by several goroutines, one at a time.
	Progress func(done, total int)

	files *fileCache
}

func (o *Options) otherGo(plugin string) bool { return o.OtherGo != nil && o.OtherGo(plugin) }
