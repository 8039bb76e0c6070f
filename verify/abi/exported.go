package abi

import (
	"fmt"
	"strings"

	"github.com/plugproof/plugproof/verify/goelf"
)

// unfound is the end of plugin/plugin_dlopen.go's open: it asks the loader for each symbol that the plugin exports, by plugin path and name. They
// differ from the compiler's names where only the linker was told another plugin path (-ldflags=-pluginpath). The runtime goes through the
// symbols in an order that changes from run to run, so that with more than one it cannot be told which is named.
func (p *process) unfound(o *object, in Input) (text string, cause *Cause, err error) {
	mod, err := moduleOf(o)
	if err != nil || mod == nil {
		return "", nil, err
	}
	names, err := o.file.ExportNames()
	if err != nil { // the runtime finds what we do not
		p.limit("%s: what it exports cannot be read: %v", in.Path, err)
		return "", nil, nil
	}
	var missing []string
	for _, name := range names {
		_, ok, err := o.file.LookupDyn(mod.Path+"."+name, goelf.Symbol.Defined)
		if err != nil {
			return "", nil, fmt.Errorf("reading %q: %w", o.path, err)
		}
		if !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return "", nil, nil
	}
	if len(missing) > 1 {
		p.limit("%s: plugin.Open names one of %d symbols, by chance: %s", in.Path, len(missing), strings.Join(missing, ", "))
	}
	symbol := mod.Path + "." + missing[0]
	text = fmt.Sprintf("could not find symbol %s: ", missing[0])
	if p.libc == libcGlibc {
		text += fmt.Sprintf("%s: undefined symbol: %s", o.name, symbol)
	} else {
		text += "Symbol not found: " + symbol
	}
	return text, &Cause{"plugin-path", fmt.Sprintf("the plugin path is %q, its symbols have another: the linker was told, the compiler was not (-ldflags=-pluginpath)", mod.Path)}, nil
}

// openName is the name in errors that come after dlopen, as plugin_dlopen.go has it.
func openName(path string) string {
	if len(path) > 3 {
		return strings.TrimSuffix(path, ".so")
	}
	return path
}

// blocksForEver is an open of a file whose first open ended after the runtime had taken it in: golang/go's plugin never closes its channel.
const blocksForEver = "plugin.Open blocks for ever: an earlier open of the file failed when its code was initialised already"
