package rootfs

import (
	"encoding/binary"
	"fmt"
	"sort"
)

// Numbers of fs/erofs/erofs_fs.h.
const (
	superOffset = 1024
	superMagic  = 0xE0F5E1E2
	blockBits   = 12
	inodeSize   = 64 // struct erofs_inode_extended
	nidUnit     = 32 // nid counts these
	direntSize  = 12
	formatFlat  = 1 // extended inode, EROFS_INODE_FLAT_PLAIN
	typeFile    = 1 // EROFS_FT_*
	typeDir     = 2
	typeLink    = 7
)

// Where things are: the superblock's block, the root directory's, the inode table.
const (
	rootBlock  = 1
	tableBlock = 2
)

// layOut numbers the inodes, makes the directories' contents, gives every file its blocks and returns the first block
// after all of them. The root directory has one block, always the same, unless its entries need more.
func layOut(nodes []*node) (int64, error) {
	for i, n := range nodes {
		n.nid = uint64(i+1) * (inodeSize / nidUnit) // number 0 stays free
	}
	next := tableBlock + blocks(int64(len(nodes)+1)*inodeSize)
	for _, n := range nodes {
		if n.isDir() {
			n.dirData = dirents(n)
			n.size = int64(len(n.dirData))
		}
		if n == nodes[0] && n.size <= Block {
			n.dirData = append(n.dirData, make([]byte, Block-n.size)...)
			n.size, n.block = Block, rootBlock
			continue
		}
		if n.size > 0 {
			n.block = next
			next += blocks(n.size)
		}
	}
	if next > 1<<32-1 {
		return 0, fmt.Errorf("the files have more than %d blocks", int64(1<<32-1))
	}
	return next, nil
}

func blocks(size int64) int64 { return (size + Block - 1) / Block }

// dirents makes a directory's contents: in each block the entries, then their names; all names in byte order, for the
// kernel searches by bisection.
func dirents(n *node) []byte {
	type entry struct {
		name string
		to   *node
	}
	entries := []entry{{".", n}, {"..", n.parent}}
	for _, c := range n.children {
		entries = append(entries, entry{c.name, c})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].name < entries[j].name })
	var out []byte
	for len(entries) > 0 {
		count, used := 0, 0
		for count < len(entries) && used+direntSize+len(entries[count].name) <= Block {
			used += direntSize + len(entries[count].name)
			count++
		}
		block := make([]byte, count*direntSize, Block)
		for i, e := range entries[:count] {
			d := block[i*direntSize:]
			binary.LittleEndian.PutUint64(d, e.to.nid)
			binary.LittleEndian.PutUint16(d[8:], uint16(len(block)))
			d[10] = fileType(e.to)
			block = append(block, e.name...)
		}
		if entries = entries[count:]; len(entries) > 0 {
			block = block[:Block]
		}
		out = append(out, block...)
	}
	return out
}

func fileType(n *node) byte {
	switch {
	case n.isDir():
		return typeDir
	case n.file.Target != "":
		return typeLink
	}
	return typeFile
}

// mode is the inode's st_mode.
func mode(n *node) uint16 {
	perm := uint16(n.file.Perm & 0o7777)
	switch fileType(n) {
	case typeDir:
		return 0o040000 | perm
	case typeLink:
		return 0o120777
	}
	return 0o100000 | perm
}

// metadata is the superblock's block and the inode table.
func metadata(nodes []*node) []byte {
	b := make([]byte, Block*(tableBlock+blocks(int64(len(nodes)+1)*inodeSize)))
	le := binary.LittleEndian
	s := b[superOffset:]
	le.PutUint32(s[0:], superMagic)
	s[12] = blockBits
	le.PutUint16(s[14:], uint16(nodes[0].nid))
	le.PutUint32(s[36:], Size/Block)
	le.PutUint32(s[40:], tableBlock)
	copy(s[64:80], "plugproof")
	for i, n := range nodes {
		in := b[tableBlock*Block+int64(n.nid)*nidUnit:]
		le.PutUint16(in[0:], formatFlat)
		le.PutUint16(in[4:], mode(n))
		le.PutUint64(in[8:], uint64(n.size))
		le.PutUint32(in[16:], uint32(n.block))
		le.PutUint32(in[20:], uint32(i+1))
		le.PutUint32(in[24:], Owner)
		le.PutUint32(in[28:], Owner)
		le.PutUint32(in[44:], links(n))
		if n == nodes[0] {
			le.PutUint32(in[44:], 2) // not counted: see Standard
		}
	}
	return b
}

// links is a directory's own entry, its dot and one ".." for each directory in it; files have one.
func links(n *node) uint32 {
	if !n.isDir() {
		return 1
	}
	count := uint32(2)
	for _, c := range n.children {
		if c.isDir() {
			count++
		}
	}
	return count
}
