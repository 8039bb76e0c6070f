//go:build linux

// Command plugproof-guest is the init of plugproof's virtual machines.
package main

import "github.com/plugproof/plugproof/harness/guest/agent"

func main() { agent.Main() }
