//go:build linux

// Command host opens the plugins that its arguments name, reports each to descriptor 3 as a probe does (guest.ReadReport), and
// calls their function Deed if $DEED_WHEN is call.
package main

import (
	"fmt"
	"os"
	"plugin"
)

func main() {
	report := os.NewFile(3, "report")
	for i, path := range os.Args[1:] {
		fmt.Fprintln(report, "open", i)
		p, err := plugin.Open(path)
		if err != nil {
			fmt.Fprintf(report, "err %d %x\n", i, err.Error())
			continue
		}
		fmt.Fprintln(report, "ok", i)
		if deed, err := p.Lookup("Deed"); err == nil && os.Getenv("DEED_WHEN") == "call" {
			deed.(func())()
		}
	}
	fmt.Fprintln(report, "end")
}
