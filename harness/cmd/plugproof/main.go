// Command plugproof proves, before it ships, that a Go plugin rebuilds to the same bytes and that plugin.Open will take
// it on the machine it is bound for.
package main

import (
	"os"

	"github.com/plugproof/plugproof/harness/cli"
	"github.com/plugproof/plugproof/harness/proc"
)

func main() {
	proc.Main() // does not return in a supervisor
	os.Exit(cli.Main(cli.OS()))
}
