// Package cpio writes and reads newc archives ("070701"), the format of the kernel's initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's tree).
//
// Writing goes through cavaliergopher/cpio with its traps mended: names are sorted, parents exist, every inode, link
// count and time is explicit, device numbers are really written, and the library's checksum mode, which would change the
// magic of every later archive of the process, is never entered. The same entries give the same bytes.
package cpio

import (
	"fmt"
	"path"
	"strings"
)

// File types of a Unix mode, as in <sys/stat.h>.
const (
	typeMask = 0o170000
	TypeDir  = 0o040000
	TypeReg  = 0o100000
	TypeLink = 0o120000
	TypeChar = 0o020000
)

// MaxName is the longest name in bytes that the kernel's unpacker takes (PATH_MAX, with the final zero).
const MaxName = 4095

// Entry is one file of an archive. The time is always zero.
type Entry struct {
	Name   string // slash separated, relative, clean
	Mode   uint32 // type and permission bits, as in st_mode
	Data   []byte // contents of a regular file
	Target string // of a symbolic link
	Major  uint32 // of a device
	Minor  uint32
	UID    uint32 // owner, root unless said
	GID    uint32
}

// File is a regular file.
func File(name string, perm uint32, data []byte) Entry {
	return Entry{Name: name, Mode: TypeReg | perm&0o7777, Data: data}
}

// Dir is a directory.
func Dir(name string, perm uint32) Entry {
	return Entry{Name: name, Mode: TypeDir | perm&0o7777}
}

// Symlink is a symbolic link.
func Symlink(name, target string) Entry {
	return Entry{Name: name, Mode: TypeLink | 0o777, Target: target}
}

// Char is a character device.
func Char(name string, perm, major, minor uint32) Entry {
	return Entry{Name: name, Mode: TypeChar | perm&0o7777, Major: major, Minor: minor}
}

// check says what is wrong with e, before anything is written.
func (e Entry) check() error {
	switch {
	case e.Name == "" || e.Name == "." || path.Clean(e.Name) != e.Name || strings.HasPrefix(e.Name, "/") || strings.HasPrefix(e.Name+"/", "../"):
		return fmt.Errorf("name %q is not a clean relative path", e.Name)
	case len(e.Name) >= MaxName || len(e.Target) >= MaxName:
		return fmt.Errorf("name %.40q... is longer than %d bytes", e.Name, MaxName)
	case strings.ContainsRune(e.Name, 0) || strings.ContainsRune(e.Target, 0):
		return fmt.Errorf("name %q contains a zero byte", e.Name)
	case e.Name == trailer:
		return fmt.Errorf("name %q ends an archive", e.Name)
	}
	switch e.Mode & typeMask {
	case TypeReg:
		if int64(len(e.Data)) > maxSize {
			return fmt.Errorf("file %q has %d bytes, newc holds at most %d", e.Name, len(e.Data), int64(maxSize))
		}
	case TypeLink:
		if e.Target == "" {
			return fmt.Errorf("symbolic link %q has no target", e.Name)
		}
	case TypeDir, TypeChar:
	default:
		return fmt.Errorf("file %q has the unknown type %#o", e.Name, e.Mode&typeMask)
	}
	return nil
}

const (
	trailer = "TRAILER!!!"
	maxSize = 1<<32 - 1 // the size field has eight hexadecimal digits
)
