package abi

// NotExist reports whether realpath refuses an input.
func NotExist(in Input) bool { return !in.exists() }
