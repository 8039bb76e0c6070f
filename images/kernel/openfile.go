package kernel

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// OpenFile opens a kernel by the file of its image and the folder of its modules, such as lib/modules/RELEASE; without a
// folder, all that is asked of it must be built in, which its own configuration says. The release is the modules' own
// word, or the image's.
func OpenFile(image, modules string) (*Kernel, error) {
	st, err := os.Stat(image)
	if err != nil {
		return nil, fmt.Errorf("opening kernel: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("opening kernel: %q is no file", image)
	}
	k := &Kernel{Image: image, files: map[string]string{}, builtin: map[string]bool{}}
	if modules != "" {
		if err := k.index(modules); err != nil {
			return nil, fmt.Errorf("opening kernel: %w", err)
		}
		if k.Release, err = k.vermagic(); err != nil {
			return nil, fmt.Errorf("opening kernel: %w", err)
		}
	}
	r, err := Inspect(image, "")
	if err != nil && modules == "" {
		return nil, fmt.Errorf("opening kernel: %w", err)
	}
	if err == nil {
		k.Config = r.ConfigFile
		if k.Release == "" {
			k.Release = r.Release
		} else if r.Release != "" && r.Release != k.Release {
			return nil, fmt.Errorf("opening kernel: %q is Linux %s, its modules are for %s", image, r.Release, k.Release)
		}
		for _, n := range needs {
			if r.Config[n.option] == "y" && n.module != "" {
				k.builtin[n.module] = true
			}
		}
	}
	if k.Release == "" {
		return nil, fmt.Errorf("opening kernel: %q does not say its release", image)
	}
	return k, nil
}

// vermagic is the release that the first module by name is for.
func (k *Kernel) vermagic() (string, error) {
	names := slices.Sorted(maps.Keys(k.files))
	if len(names) == 0 {
		return "", nil
	}
	data, err := unpack(k.files[names[0]])
	if err != nil {
		return "", err
	}
	in, err := modinfo(data)
	if err != nil {
		return "", fmt.Errorf("module %q: %w", names[0], err)
	}
	return in.release, nil
}
