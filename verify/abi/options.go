package abi

import "io/fs"

// Options are what the files do not say.
type Options struct {
	Root        fs.FS    // the target's root file system, where the loader and the needed libraries lie; nil: not looked at
	RootName    string   // its name, for the report
	LibraryPath []string // the directories of LD_LIBRARY_PATH in the process
	NoDigest    bool     // do not compute the host's SHA-256

	files *fileCache
}
