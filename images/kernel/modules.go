package kernel

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strings"
)

// Module is one module, unpacked.
type Module struct {
	Name string // with underscores
	Data []byte // the ELF file, signature and all
}

// aliases are names that modules ask for in softdep= and that no file has; the value is the module of the name.
var aliases = map[string]string{"crc32c": "crc32c_generic"}

// Modules returns the named modules and all that they depend on, each once, in an order in which they can be loaded.
// Names that are built into the image need nothing and are left out; a name that is neither is an error, but for soft
// dependencies, which the kernel itself treats as wishes.
func (k *Kernel) Modules(names ...string) ([]Module, error) {
	o := &ordering{kernel: k, state: map[string]int{}}
	for _, name := range names {
		if err := o.add(canonical(name), false, 0); err != nil {
			return nil, fmt.Errorf("ordering modules of %s: %w", k.Release, err)
		}
	}
	return o.list, nil
}

// ordering is a depth-first walk along the dependencies.
type ordering struct {
	kernel *Kernel
	list   []Module
	state  map[string]int // 0 unseen, 1 being added, 2 done
}

// maxDepth bounds a chain of dependencies; real ones have fewer than ten links.
const maxDepth = 64

func (o *ordering) add(name string, soft bool, depth int) error {
	if o.state[name] != 0 { // a cycle of soft dependencies is legal, and a hard one is the loader's to refuse
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("module %q: more than %d links of dependencies", name, maxDepth)
	}
	file, isFile := o.kernel.files[name]
	if !isFile {
		if to, ok := aliases[name]; ok {
			return o.add(to, soft, depth+1)
		}
		if soft || o.kernel.builtin[name] {
			return nil
		}
		return fmt.Errorf("module %q: %w", name, ErrNotFound)
	}
	o.state[name] = 1
	data, err := unpack(file)
	if err != nil {
		return err
	}
	info, err := modinfo(data)
	if err != nil {
		return fmt.Errorf("module %q: %w", name, err)
	}
	for _, dep := range info.softPre {
		if err := o.add(canonical(dep), true, depth+1); err != nil {
			return err
		}
	}
	for _, dep := range info.depends {
		if err := o.add(canonical(dep), false, depth+1); err != nil {
			return err
		}
	}
	o.state[name] = 2
	o.list = append(o.list, Module{Name: name, Data: data})
	return nil
}

// info is what the modinfo section says about order.
type info struct {
	depends []string
	softPre []string
	release string // the kernel's that it is for
}

// maxModinfo bounds the modinfo section in bytes.
const maxModinfo = 1 << 20

// modinfo reads the zero-separated key=value pairs of the module's .modinfo section.
func modinfo(data []byte) (info, error) {
	var in info
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return in, fmt.Errorf("reading modinfo: %w", err)
	}
	s := f.Section(".modinfo")
	if s == nil || s.Type == elf.SHT_NOBITS || s.Size > maxModinfo || s.Offset > uint64(len(data)) || s.Size > uint64(len(data))-s.Offset {
		return in, fmt.Errorf("reading modinfo: no usable section .modinfo")
	}
	for _, pair := range strings.Split(string(data[s.Offset:s.Offset+s.Size]), "\x00") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "depends":
			in.depends = append(in.depends, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
		case "vermagic":
			in.release, _, _ = strings.Cut(value, " ")
		case "softdep":
			if rest, ok := strings.CutPrefix(value, "pre:"); ok {
				rest, _, _ = strings.Cut(rest, "post:")
				in.softPre = append(in.softPre, strings.Fields(rest)...)
			}
		}
	}
	return in, nil
}
