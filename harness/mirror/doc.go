// Package mirror serves what a kit was unpacked to: modules and toolchains as a module proxy with the checksum database
// (mod/), and repositories of Void packages (xbps/). It may stand before two other mirrors and then answers from the first one
// that is well. Every answer is whole before its first byte is sent, so that an upstream that dies in the middle is not seen.
//
// Each request is a line of an append-only log that names the hash of the line before it.
package mirror

import "time"

const (
	// maxAnswer bounds an upstream's answer, in bytes: a toolchain has 103 MB.
	maxAnswer = 2 << 30
	// maxInfo bounds what is said of a version, in bytes: the go command writes some 200.
	maxInfo = 1 << 20
	// maxMod bounds a go.mod, in bytes (golang.org/x/mod/zip, MaxGoMod).
	maxMod = 16 << 20
	// maxIndex bounds an index, in bytes: 300,000 files.
	maxIndex = 64 << 20
	// patience is how long an upstream may be silent.
	patience = 10 * time.Second
	// pace is the least number of bytes in a second, over each stretch of an answer; a stretch is how long that may not be reached.
	pace    = 1000
	stretch = 30 * time.Second
	// rest is how long an upstream that failed is not asked first.
	rest = 5 * time.Second
)

// Paths of what a mirror says of itself.
const (
	HealthPath = "/health" // 200 if it is well
	IndexPath  = "/index"  // every file: "sha256:... SIZE PATH", sorted by path
)
