package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"math"
)

// damaged are plugins one of whose program headers was changed: loaders trust them blindly, each in its own way.
var damaged = []recipe{
	header("no-read.so", elf.PT_LOAD, 0, "flags", func(uint64) uint64 { return 0 }),
	header("no-code.so", elf.PT_LOAD, 1, "flags", func(uint64) uint64 { return 0 }),
	header("no-execute.so", elf.PT_LOAD, 1, "flags", func(uint64) uint64 { return uint64(elf.PF_R) }),
	header("no-constants.so", elf.PT_LOAD, 2, "flags", func(uint64) uint64 { return 0 }),
	header("no-write.so", elf.PT_LOAD, 3, "flags", func(uint64) uint64 { return uint64(elf.PF_R) }),
	header("all-write.so", elf.PT_LOAD, 1, "flags", func(uint64) uint64 { return uint64(elf.PF_R | elf.PF_W | elf.PF_X) }),
	header("load0-gone.so", elf.PT_LOAD, 0, "type", func(uint64) uint64 { return 0 }),
	header("load1-gone.so", elf.PT_LOAD, 1, "type", func(uint64) uint64 { return 0 }),
	header("load2-gone.so", elf.PT_LOAD, 2, "type", func(uint64) uint64 { return 0 }),
	header("load3-gone.so", elf.PT_LOAD, 3, "type", func(uint64) uint64 { return 0 }),
	header("load0-empty.so", elf.PT_LOAD, 0, "filesz", func(uint64) uint64 { return 0 }),
	header("load1-empty.so", elf.PT_LOAD, 1, "filesz", func(uint64) uint64 { return 0 }),
	header("load2-empty.so", elf.PT_LOAD, 2, "filesz", func(uint64) uint64 { return 0 }),
	header("load1-huge.so", elf.PT_LOAD, 1, "memsz", func(uint64) uint64 { return 1 << 50 }),
	header("load3-huge.so", elf.PT_LOAD, 3, "memsz", func(uint64) uint64 { return 1 << 50 }),
	header("load1-long.so", elf.PT_LOAD, 1, "filesz", func(uint64) uint64 { return 1 << 43 }),
	header("load0-beside.so", elf.PT_LOAD, 0, "off", func(v uint64) uint64 { return v + 8 }),
	header("load3-behind.so", elf.PT_LOAD, 3, "off", func(v uint64) uint64 { return v + 1<<40 }),
	header("load1-odd.so", elf.PT_LOAD, 1, "align", func(uint64) uint64 { return 3 }),
	header("dynamic-gone.so", elf.PT_DYNAMIC, 0, "type", func(uint64) uint64 { return 0 }),
	header("dynamic-empty.so", elf.PT_DYNAMIC, 0, "filesz", func(uint64) uint64 { return 0 }),
	header("dynamic-beside.so", elf.PT_DYNAMIC, 0, "off", func(v uint64) uint64 { return v + 8 }),
	header("dynamic-away.so", elf.PT_DYNAMIC, 0, "vaddr", func(uint64) uint64 { return math.MaxUint64 }),
	header("relro-long.so", elf.PT_GNU_RELRO, 0, "memsz", func(uint64) uint64 { return 1 << 50 }),
	header("tls-huge.so", elf.PT_TLS, 0, "memsz", func(uint64) uint64 { return 1 << 50 }),
	header("stack-executable.so", elf.PT_GNU_STACK, 0, "flags", func(uint64) uint64 { return 7 }),
}

// afterDamage are sequences of them, each a process of its own, for most end it.
func afterDamage() []string {
	var out []string
	for _, r := range damaged {
		out = append(out, "host p2.so "+r.name+" p3.so")
	}
	return append(out, "host load2-gone.so dynamic-empty.so p2.so", "host-pie no-code.so p2.so", "host p1.so no-write.so p2.so")
}

// header is a recipe that changes a field of the nth program header of a type.
func header(name string, typ elf.ProgType, nth int, field string, to func(uint64) uint64) recipe {
	return recipe{name: name, from: "p1.so", change: func(b []byte) []byte { return setHeader(bytes.Clone(b), typ, nth, field, to) }}
}

// fields are the places of a program header's fields, and their lengths in bytes (System V ABI, chapter 5), for 64 and 32 bits.
var fields = map[string][2][2]int{
	"type": {{0, 4}, {0, 4}}, "flags": {{4, 4}, {24, 4}}, "off": {{8, 8}, {4, 4}}, "vaddr": {{16, 8}, {8, 4}},
	"filesz": {{32, 8}, {16, 4}}, "memsz": {{40, 8}, {20, 4}}, "align": {{48, 8}, {28, 4}},
}

func setHeader(b []byte, typ elf.ProgType, nth int, field string, to func(uint64) uint64) []byte {
	le := binary.LittleEndian
	phoff, size, num, kind := le.Uint64(b[32:]), 56, int(le.Uint16(b[56:])), 0
	if elf.Class(b[elf.EI_CLASS]) == elf.ELFCLASS32 {
		phoff, size, num, kind = uint64(le.Uint32(b[28:])), 32, int(le.Uint16(b[44:])), 1
	}
	for i := range num {
		h := b[int(phoff)+i*size:]
		if elf.ProgType(le.Uint32(h)) != typ {
			continue
		}
		if nth--; nth >= 0 {
			continue
		}
		at := h[fields[field][kind][0]:]
		if fields[field][kind][1] == 8 {
			le.PutUint64(at, to(le.Uint64(at)))
		} else {
			le.PutUint32(at, uint32(min(to(uint64(le.Uint32(at))), math.MaxUint32-0xfff)))
		}
		break
	}
	return b
}
