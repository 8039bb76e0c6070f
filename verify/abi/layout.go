package abi

import (
	"strconv"
	"strings"
)

// layout is where the fields of runtime.moduledata lie, in words. A plugin is appended to the process's list by its own copy of
// runtime.addmoduledata, so at its own offset of `next`; the host walks the list and reads the fields at its own offsets.
type layout struct {
	pkghashes, typemap, bad, next int
	badByte                       int // of the word `bad`
}

// layouts are taken from the struct moduledata in runtime/symtab.go of each release; index 0 is Go 1.20.
var layouts = []layout{
	{pkghashes: 55, typemap: 68, bad: 69, next: 70},             // 1.20
	{pkghashes: 55, typemap: 71, bad: 72, next: 73},             // 1.21: inittasks
	{pkghashes: 55, typemap: 71, bad: 72, next: 73},             // 1.22
	{pkghashes: 55, typemap: 71, bad: 66, badByte: 1, next: 72}, // 1.23: bad moved beside hasmain
	{pkghashes: 55, typemap: 71, bad: 66, badByte: 1, next: 72}, // 1.24
	{pkghashes: 55, typemap: 71, bad: 66, badByte: 1, next: 72}, // 1.25
	{pkghashes: 56, typemap: 72, bad: 67, badByte: 1, next: 73}, // 1.26: epclntab
	{pkghashes: 53, typemap: 69, bad: 64, badByte: 1, next: 70}, // 1.27: typedesclen, itaboffset, itabsize; no typelinks, itablinks
}

// firstMinor is the release that layouts begins with.
const firstMinor = 20

// minorOf is the 26 of "go1.26.8", "go1.26rc1" or "go1.26.8 X:rangefunc"; 0 for versions that do not have that form.
func minorOf(version string) int {
	s, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0
	}
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return 0
	}
	return n
}

// hostLayout finds the layout of a host by its Go version and the size of its moduledata in bytes. For a version that is not in the table only
// `next`, the last word, is known; ok is false then.
func hostLayout(version string, size uint64, ptr int) (l layout, ok bool) {
	words := int(min(size, 1<<20)) / ptr
	if i := minorOf(version) - firstMinor; i >= 0 && i < len(layouts) && layouts[i].next == words-1 {
		return layouts[i], true
	}
	return layout{next: words - 1}, false
}

// pluginLayout finds a plugin's layout by what was found in it: the size of moduledata and the place of pkghashes, in words (0 if unknown).
func pluginLayout(size uint64, pkghashes, ptr int) (l layout, ok bool) {
	words := int(min(size, 1<<20)) / ptr
	for _, l := range layouts {
		if l.next == words-1 && l.pkghashes == pkghashes {
			return l, true
		}
	}
	return layout{next: words - 1, pkghashes: pkghashes}, false
}
