// Package xbps decides names, versions and patterns as Void Linux's package manager does, down to its oddities.
//
// Its rooms read and write the formats: plist (property lists), binpkg (packages), repo (the index of a repository),
// sign (keys and signatures), audit (what is wrong with a package or a repository) and install (unpacking into a root).
// The reference is void-linux/xbps 0.60.7 (git c5f41d5b): lib/external/dewey.c for the order of versions, lib/util.c for
// names and patterns. What differs from it, on purpose: nothing that a well-formed package can show; input that makes the
// original read out of bounds is no match here.
package xbps
