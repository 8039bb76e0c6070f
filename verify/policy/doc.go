// Package policy holds what was built against the rules of a project: which modules, licences, replacements and versions it may
// be made of, and what its critical packages may import.
//
// Evidence comes from go.mod, go.sum and go.work, from the packages that the go command lists for each host and plugin, from
// build information, and from the packages that were linked, as the file's own tables name them: build information is text that
// anybody can edit or strip, while the names of packages and functions are what the runtime works with. Nothing here runs
// anything, reads a clock, or prints.
//
// What is not asked, on purpose:
//   - A package all of whose code was left out by the linker and of which no fingerprint is kept is not in the file.
//   - C code, assembly without a Go package, and what init functions or generators do: no rule is about them.
//   - Licences are those of whole files named LICENSE, LICENCE, UNLICENSE or COPYING in the module's root and above its packages that
//     were built; headers of source files are not read. A text with words that are no part of a known licence, its title or a notice is
//     unknown, and unknown is a finding.
//   - What [build]'s before and command do to a vendor folder: the one that is in the project is compared.
//   - The main module's own code needs no licence, audit or permission.
package policy
