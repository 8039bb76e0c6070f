package cause

import (
	"slices"

	"github.com/plugproof/plugproof/verify/elfdiff"
)

// Together unites what the go command's inputs say of a difference with what the two files say. The inputs are the better witness,
// but for what enters no hash: the C library, what was stripped, what the C compiler embeds.
func Together(inputs, files []elfdiff.Cause) []elfdiff.Cause {
	has := func(list []elfdiff.Cause, id string) bool {
		return slices.ContainsFunc(list, func(c elfdiff.Cause) bool { return c.ID == id })
	}
	out := slices.DeleteFunc(slices.Clone(inputs), func(c elfdiff.Cause) bool {
		switch c.ID {
		case "unknown":
			return true
		case "cc-identity", "cgo-flags":
			return has(files, "libc")
		}
		return false
	})
	// A definition for the C compiler that holds a time or a directory is told by what it left in the data.
	if (has(files, "embedded-time") || has(files, "embedded-path")) && len(out) == 1 && out[0].ID == "cgo-flags" {
		out = nil
	}
	fromInputs := len(out) > 0
	for _, c := range files {
		beside := slices.Contains([]string{"libc", "stripped", "plugin-path"}, c.ID)
		if c.ID != "unknown" && (beside || !fromInputs) && !has(out, c.ID) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return append(slices.Clone(inputs), files...)
	}
	return out
}
