// Package shape reads what is to be remembered of a host or a plugin: sizes, the layout of Go's module data, the packages' fingerprints.
//
// What a file does not say stays empty. A stripped file has no names of the module data's fields; a host that was linked without
// package plugin does not export the module data.
package shape

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/goelf"
)

// maxDWARF bounds the debugging information that is decompressed, in bytes; a program of 150 MB has about 100 MB of it.
const maxDWARF = 256 << 20

// maxFields bounds the fields of the module data; Go 1.27 has about 60.
const maxFields = 1024

// Read describes a file of size bytes whose digest is known. The fields of the module data are read if names is set: that takes longer than all
// the rest. Only a file that is no ELF file, or that cannot be read, is an error.
func Read(r io.ReaderAt, size int64, digest results.Digest, names bool) (results.Shape, error) {
	f, err := goelf.Open(r, size)
	if err != nil {
		return results.Shape{}, fmt.Errorf("reading the shape of a file: %w", err)
	}
	s := results.Shape{Schema: results.ShapeSchema, SHA256: digest, Size: size, Go: f.GoVersion(),
		Sections: []results.SectionSize{}, Packages: []results.PackageHash{}, Module: results.ModuleData{Fields: []results.StructField{}}}
	for _, sec := range f.Sections {
		if sec.Type != elf.SHT_NULL {
			s.Sections = append(s.Sections, results.SectionSize{Name: sec.Name, Size: sec.Size})
		}
	}
	packages, err := packagesOf(f, &s.Module)
	if err != nil {
		return s, nil // a file whose tables lead nowhere has no packages
	}
	for _, p := range packages {
		s.Packages = append(s.Packages, results.PackageHash{Name: p.Name, Hash: hex.EncodeToString([]byte(p.Hash))})
	}
	if names {
		s.Module.Fields, s.Module.Size = fields(f, s.Module)
	}
	return s, nil
}

// packagesOf are a plugin's packages, or those that a host defines, and what the file's own tables tell of the module data.
func packagesOf(f *goelf.File, m *results.ModuleData) ([]goelf.Package, error) {
	mod, err := f.Plugin()
	if err == nil {
		if mod.Start != 0 && mod.Field > mod.Start {
			m.PkgHashes = mod.Field - mod.Start
		}
		return mod.Packages, nil
	}
	if !errors.Is(err, goelf.ErrNoPlugin) {
		return nil, err
	}
	if m.Size, err = f.ModuleDataSize(); err != nil {
		return nil, err
	}
	return f.PackageHashes()
}

// fields finds struct runtime.moduledata in the debugging information.
func fields(f *goelf.File, known results.ModuleData) (list []results.StructField, size uint64) {
	list, size = []results.StructField{}, known.Size
	defer func() { // debug/dwarf has met inputs that it did not expect before
		if recover() != nil {
			list, size = []results.StructField{}, known.Size
		}
	}()
	d, err := f.DWARF(maxDWARF)
	if err != nil {
		return list, size
	}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			return list, size
		}
		switch {
		case e.Tag == dwarf.TagCompileUnit:
			if name, _ := e.Val(dwarf.AttrName).(string); name != "runtime" && name != "" && !strings.HasSuffix(name, "/runtime") {
				r.SkipChildren() // each package is a unit of its own; types are in the unit of theirs
			}
			continue
		case e.Tag != dwarf.TagStructType:
			r.SkipChildren()
			continue
		}
		if name, _ := e.Val(dwarf.AttrName).(string); name != "runtime.moduledata" {
			r.SkipChildren()
			continue
		}
		t, err := d.Type(e.Offset)
		st, ok := t.(*dwarf.StructType)
		if err != nil || !ok || len(st.Field) > maxFields {
			return list, size
		}
		for _, field := range st.Field {
			list = append(list, results.StructField{Name: field.Name, Type: typeName(field.Type), Offset: field.ByteOffset})
		}
		if st.ByteSize > 0 {
			size = uint64(st.ByteSize)
		}
		return list, size
	}
}

// typeName is a type as Go's compiler calls it.
func typeName(t dwarf.Type) string {
	switch t := t.(type) {
	case *dwarf.StructType:
		return t.StructName
	case *dwarf.PtrType:
		return "*" + typeName(t.Type)
	}
	if name := t.Common().Name; name != "" {
		return name
	}
	return t.String()
}
