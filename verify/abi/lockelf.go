package abi

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/plugproof/plugproof/verify/goelf"
)

// lockID begins the identity of a host that is a lock.
const lockID = "lock:"

// Input is the lock as a host for Predict: a file that has what Predict reads of the host, and nothing else. path is the name that the report gives.
func (l *Lock) Input(path string) Input {
	b := l.image()
	return Input{Path: path, Real: path, ID: lockID + string(l.Digest), R: bytes.NewReader(b), Size: int64(len(b)), SHA256: l.Digest, lock: l}
}

// imageBase is where the image's own segment lies: above the places of the host's segments, which it must not touch.
func (l *Lock) imageBase() uint64 {
	base := uint64(1) << 24
	for _, r := range l.Loads {
		base = max(base, (r[1]+0xffff)&^0xffff)
	}
	return base
}

// image lays out headers, strings, symbols, a DT_HASH table, PT_DYNAMIC, PT_INTERP and the build information in one segment.
func (l *Lock) image() []byte {
	w := l.ptr()
	var b bytes.Buffer
	u16 := func(v ...uint16) { binary.Write(&b, binary.LittleEndian, v) }
	u32 := func(v ...uint32) { binary.Write(&b, binary.LittleEndian, v) }
	word := func(vs ...uint64) {
		for _, v := range vs {
			if w == 8 {
				binary.Write(&b, binary.LittleEndian, v)
			} else {
				u32(uint32(v))
			}
		}
	}
	align := func() uint64 {
		for b.Len()%16 != 0 {
			b.WriteByte(0)
		}
		return uint64(b.Len())
	}
	base := l.imageBase()
	ehsize, phsize, phnum := 64, 56, len(l.Loads)+5
	if w == 4 {
		ehsize, phsize = 52, 32
	}
	b.Write(make([]byte, ehsize+phnum*phsize))

	align() // the build information is found by its magic number
	b.WriteString("\xff Go buildinf:" + string([]byte{byte(w), 2}) + string(make([]byte, 16)))
	info := *l.Info
	info.GoVersion = ""
	for _, s := range []string{l.Info.GoVersion, string(make([]byte, 16)) + info.String() + string(make([]byte, 16))} {
		b.Write(binary.AppendUvarint(nil, uint64(len(s))))
		b.WriteString(s)
	}
	switch { // the texts by which static hosts are told apart
	case l.Interp == "" && l.Libc == libcMusl:
		b.WriteString("Dynamic loading not supported")
	case l.Interp == "" && l.Libc == libcGlibc:
		b.WriteString("/etc/ld.so.cache")
	}
	interpAt := align()
	b.WriteString(l.Interp + "\x00")
	hashesAt := align()
	for _, p := range l.Packages {
		b.WriteString(p.Hash)
	}

	strs := []byte{0}
	str := func(s string) uint32 {
		at := len(strs)
		strs = append(append(strs, s...), 0)
		return uint32(at)
	}
	type sym struct {
		name        uint32
		hash        uint32
		info        byte
		value, size uint64
	}
	syms := []sym{{}}
	add := func(name string, info byte, value, size uint64) {
		syms = append(syms, sym{str(name), goelf.SysVHash(name), info, value, size})
	}
	object := byte(elf.STB_GLOBAL)<<4 | byte(elf.STT_OBJECT)
	for i, p := range l.Packages {
		add("go:link.pkghashbytes."+p.Name, object, base+hashesAt+8*uint64(i), 8)
	}
	if l.ModuleData != 0 {
		add("runtime.firstmoduledata", object, base+hashesAt, l.ModuleData)
	}
	for _, e := range l.Exports {
		bind := byte(elf.STB_GLOBAL)
		if e.Weak {
			bind = byte(elf.STB_WEAK)
		}
		add(e.Name, bind<<4|byte(e.Type), base, 0)
	}
	if l.Hidden {
		add(openFunc, byte(elf.STB_GLOBAL)<<4|byte(elf.STT_FUNC), base, 0)
	}
	var dyn []uint64
	entry := func(tag elf.DynTag, v uint64) { dyn = append(dyn, uint64(tag), v) }
	for _, n := range l.Needed {
		entry(elf.DT_NEEDED, uint64(str(n)))
	}
	if l.Runpath != "" {
		entry(elf.DT_RUNPATH, uint64(str(l.Runpath)))
	}
	if l.Rpath != "" {
		entry(elf.DT_RPATH, uint64(str(l.Rpath)))
	}
	if l.Packed {
		entry(dtRelrSz, 8)
	}
	entry(elf.DT_STRTAB, base+align())
	b.Write(strs)
	entry(elf.DT_STRSZ, uint64(len(strs)))
	entry(elf.DT_SYMTAB, base+align())
	for i, s := range syms {
		section := uint16(1)
		if i == 0 {
			section = 0
		}
		u32(s.name)
		if w == 8 {
			b.Write([]byte{s.info, 0})
			u16(section)
			word(s.value, s.size)
		} else {
			word(s.value, s.size)
			b.Write([]byte{s.info, 0})
			u16(section)
		}
	}
	entry(elf.DT_HASH, base+align())
	nbucket := uint32(len(syms)/2 + 1)
	buckets, chains := make([]uint32, nbucket), make([]uint32, len(syms))
	for i := len(syms) - 1; i > 0; i-- {
		h := syms[i].hash % nbucket
		chains[i], buckets[h] = buckets[h], uint32(i)
	}
	u32(nbucket, uint32(len(syms)))
	u32(buckets...)
	u32(chains...)
	dynAt := align()
	dynamic := l.Interp != "" || len(l.Needed) > 0
	word(append(dyn, 0, 0)...)
	size := uint64(b.Len())

	body := slices.Clone(b.Bytes())
	b.Reset()
	b.Write([]byte{0x7f, 'E', 'L', 'F', byte(l.Class), 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	u16(uint16(l.Type), uint16(l.Machine))
	u32(1)
	word(0, uint64(ehsize), 0)
	u32(0)
	u16(uint16(ehsize), uint16(phsize), uint16(phnum), 0, 0, 0)
	segment := func(t elf.ProgType, flags elf.ProgFlag, off, vaddr, filesz, memsz uint64) {
		u32(uint32(t))
		if w == 8 {
			u32(uint32(flags))
			word(off, vaddr, vaddr, filesz, memsz, 16)
		} else {
			word(off, vaddr, vaddr, filesz, memsz)
			u32(uint32(flags), 16)
		}
	}
	null := func(on bool, t elf.ProgType) elf.ProgType {
		if on {
			return t
		}
		return elf.PT_NULL
	}
	segment(null(l.Interp != "", elf.PT_INTERP), elf.PF_R, interpAt, base+interpAt, uint64(len(l.Interp)+1), uint64(len(l.Interp)+1))
	for _, r := range l.Loads {
		segment(elf.PT_LOAD, elf.PF_R, 0, r[0], 0, r[1]-r[0])
	}
	segment(elf.PT_LOAD, elf.PF_R|elf.PF_W, 0, base, size, size)
	again := base + (size+0xffff)&^0xffff // once more without PF_W: where a static host's texts are looked for
	segment(null(l.Interp == "", elf.PT_LOAD), elf.PF_R, 0, again, size, size)
	segment(null(dynamic, elf.PT_DYNAMIC), elf.PF_R, dynAt, base+dynAt, size-dynAt, size-dynAt)
	segment(null(l.TLS, elf.PT_TLS), elf.PF_R, 0, base, 0, 8)
	copy(body, b.Bytes())
	return body
}
