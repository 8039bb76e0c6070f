package cause

// abiWords are words that `plugproof abi` uses beside its verdicts.
var abiWords = []struct{ id, meaning, how, fix, fixture string }{
	{"drift", "the process has two versions of a function although all fingerprints agree",
		"A fingerprint covers what a package exports and what others inline of it, not the rest of its code (F23). abi compares the instructions of functions, and the first values of variables, of packages that no checksum shows to be the same on both sides: " +
			"main modules, directories, replacements. Not seen: the standard library of one Go version and modules of one checksum are taken to be the same; values beyond two pointers; static C functions, " +
			"and functions that the host did not link; with a lock instead of the host, all code. Functions of which the instructions do not tell are listed as undecided.",
		"build host and plugin from the same commit with the same Go and flags; plugproof verify compares the sources themselves, too", "drift"},
	{"undecided", "the files do not tell what happens",
		"Of a plugin: it is damaged, or no regular file, in a way of which the loader and the runtime make one thing or another; it counts as abort, for it may kill the host. " +
			"Of a function under drift: host and plugin differ there in a way that need not come from the source.",
		"of a plugin: build or copy the file again, or see what happens with plugproof load, in a process of its own; of a function: build both from the same source, or ask plugproof verify, which has the sources", ""},
}
