// Package links follows the symbolic links of a root file system, absolute ones too, without leaving it.
package links

import (
	"path"
	"strings"
	"syscall"
)

// Max is how many links Linux follows in one path (path_resolution(7)).
const Max = 40

// Follow is where a slash-separated path leads, relative to the root ("." is the root itself). Target gives what a link points
// to and false for anything else; it is asked for paths of the same form, in which nothing is left to follow but the last element.
// The error is syscall.ELOOP.
func Follow(name string, target func(name string) (string, bool)) (string, error) {
	done, todo := ".", strings.Split(name, "/")
	for followed := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		to, ok := target(next)
		if !ok {
			done = next
			continue
		}
		if followed++; followed > Max {
			return "", syscall.ELOOP
		}
		if strings.HasPrefix(to, "/") {
			done = "."
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	return done, nil
}
