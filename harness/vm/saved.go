package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"github.com/plugproof/plugproof/harness/guest"
	"github.com/plugproof/plugproof/images/rootfs"
	"github.com/plugproof/plugproof/results"
)

// MaxSaved bounds the saved machines in bytes on disk; the ones that were not used for longest go first.
const MaxSaved = 2 << 30

// metaName is the description of a saved machine: its digest, then JSON of saved.
const metaName = "meta"

// saved is a machine that waits for its order, on disk: the guest's memory in one file, which a restored machine maps
// privately, and the state of its devices in another.
type saved struct {
	Key     string             `json:"key"`
	Release string             `json:"release"`           // uname -r of the guest
	Scripts []guest.Configured `json:"scripts,omitempty"` // that it ran before it was saved
	RAM     results.Digest     `json:"ram"`
	State   results.Digest     `json:"state"`
	Checked [2]stamp           `json:"checked"` // the files as they were when their digests were last taken

	dir        string
	ram, state *os.File
}

// stamp changes when a file is written to or replaced.
type stamp struct {
	Inode      uint64
	Size       int64
	MTim, CTim int64 // ns since 1970
}

func stampOf(f *os.File) (stamp, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return stamp{}, err
	}
	return stamp{st.Ino, st.Size, syscall.TimespecToNsec(st.Mtim), syscall.TimespecToNsec(st.Ctim)}, nil
}

// key names the machine by all that its memory depends on.
func (m *Machine) key(memory int) (string, error) {
	raw, err := json.Marshal(struct {
		Format        int
		Kernel, Image results.Digest
		QEMU          string
		Args          []string
		Disk          int64
	}{2, m.KernelDigest, m.ImageDigest, m.Banner, m.normal().args(launch{name: "NAME", memory: memory, ram: "RAM"}), rootfs.Size})
	if err != nil {
		return "", err
	}
	return m.Model.Arch + "-" + results.DigestOf(raw).Hex()[:24], nil
}

// normal is the machine without names of files.
func (m *Machine) normal() *Machine {
	n := *m
	n.Kernel, n.Initrd = "KERNEL", "INITRD"
	return &n
}

// openSaved opens a saved machine and makes sure that its files are what was saved. A damaged one is removed.
func openSaved(dir string) (*saved, error) {
	s := &saved{dir: dir}
	raw, err := readSealed(filepath.Join(dir, metaName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err == nil && s.Key != filepath.Base(dir) {
		err = fmt.Errorf("it is of the machine %q", s.Key)
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		s.close()
		os.RemoveAll(dir)
		return nil, fmt.Errorf("opening saved machine: %w", err)
	}
	now := time.Now()
	os.Chtimes(filepath.Join(dir, metaName), now, now) // for pruning; only this file's time matters there
	return s, nil
}

// open opens the files and takes their digests, unless they are untouched since these were last taken.
func (s *saved) open() error {
	var err error
	if s.ram, err = os.Open(filepath.Join(s.dir, "ram")); err != nil {
		return err
	}
	if s.state, err = os.Open(filepath.Join(s.dir, "state")); err != nil {
		return err
	}
	fresh := false
	for i, f := range []struct {
		file *os.File
		want results.Digest
	}{{s.ram, s.RAM}, {s.state, s.State}} {
		now, err := stampOf(f.file)
		if err != nil {
			return err
		}
		if now == s.Checked[i] {
			continue
		}
		got, err := sparseDigest(f.file)
		if err != nil {
			return err
		}
		if got != f.want {
			return fmt.Errorf("%q is damaged", filepath.Base(f.file.Name()))
		}
		s.Checked[i], fresh = now, true
	}
	if !fresh {
		return nil
	}
	return s.writeMeta()
}

func (s *saved) writeMeta() error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeSealed(filepath.Join(s.dir, metaName), raw)
}

func (s *saved) close() {
	for _, f := range []*os.File{s.ram, s.state} {
		if f != nil {
			f.Close()
		}
	}
}

// sparseDigest is the digest of a file's blocks that are not zero, with their places, and of its size.
func sparseDigest(f *os.File) (results.Digest, error) {
	h := sha256.New()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	err = blocks(f, func(off int64, block []byte) error {
		binary.Write(h, binary.LittleEndian, off)
		h.Write(block)
		return nil
	})
	if err != nil {
		return "", err
	}
	binary.Write(h, binary.LittleEndian, st.Size())
	return results.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil))), nil
}

// blockSize is the unit in which zero parts of memory are left out, in bytes.
const blockSize = 16 << 10

// blocks calls do for each block of the file that is not zero.
func blocks(f *os.File, do func(off int64, block []byte) error) error {
	zero, buf := make([]byte, blockSize), make([]byte, 64*blockSize)
	for off := int64(0); ; {
		n, err := f.ReadAt(buf, off)
		for part := 0; part < n; part += blockSize {
			block := buf[part:min(n, part+blockSize)]
			if bytes.Equal(block, zero[:len(block)]) {
				continue
			}
			if err := do(off+int64(part), block); err != nil {
				return err
			}
		}
		off += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lock takes the machine's lock, so that only one process boots and saves it. The lock ends with the file or the process.
func lock(ctx context.Context, file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %q: %w", file, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// prune removes the machines that were not used for longest until the rest fits into limit, and what killed runs left.
// A machine that is being restored keeps its open files.
func prune(dir, keep string, limit int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	type item struct {
		path string
		used time.Time
		size int64
	}
	var list []item
	total := int64(0)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		it := item{path: path, used: info.ModTime()}
		if meta, err := os.Stat(filepath.Join(path, metaName)); err == nil {
			it.used = meta.ModTime()
		} else if time.Since(it.used) < time.Hour {
			continue // perhaps being written
		} else if e.Name() != keep {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			continue
		}
		for _, name := range []string{"ram", "state"} {
			var st syscall.Stat_t
			if syscall.Stat(filepath.Join(path, name), &st) == nil {
				it.size += st.Blocks * 512
			}
		}
		total += it.size
		if e.Name() != keep {
			list = append(list, it)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].used.Before(list[j].used) })
	for _, it := range list {
		if total <= limit {
			break
		}
		if err := os.RemoveAll(it.path); err != nil {
			return err
		}
		total -= it.size
	}
	return nil
}
