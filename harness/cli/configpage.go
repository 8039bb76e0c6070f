package cli

// configPage is the reference of plugproof.toml.
const configPage = `plugproof.toml names one host and its plugins. Unknown keys are errors. Paths are relative to the file.

[host]                                # exactly one of package, file, lock
package = "./cmd/gateway"             # of this module, or "example.test/gw/cmd/gateway@v1.4.0" as go install builds it
dir     = "../gateway"                # another checkout, in which package is looked up
file    = "dist/gateway"              # a shipped binary: not rebuilt, predicted and loaded as it is
lock    = "gateway.lock"              # what 'plugproof abi export' wrote; plugins are predicted with it, not loaded
rebuild = "identical"                 # expected verdict of the twins, or a cause; also under [[plugin]]

[[plugin]]
package = "./plugins/greet"           # or file = "greet.so"; dir as under [host]
symbols = { Greeter = "*example.test/api.Greeter" }   # what Lookup must find; Go syntax, full import paths, no aliases; "" is any type
expect  = "ok"                        # an abi verdict; holds where host and plugin use one Go
against = "sha256:..."                # the shipped bytes

[[expect]]                            # cells that differ from the above; the last one that fits counts
when    = { host_go = "go1.25.3", plugin_go = "go1.26.8", arch = "amd64", libc = "musl" }
plugin  = "./plugins/greet"           # every plugin if left out
verdict = "abort"

[build]                               # for host and plugins; theirs of the same name add to it (flags), merge (env), replace (go)
flags   = ["-trimpath", "-buildvcs=false"]
env     = { CGO_CFLAGS = "-O2" }
before  = [["go", "generate", "./..."]]               # run on each side
command = ["make", "plugin"]          # instead of go build; gets GO, CC, GOFLAGS, PLUGPROOF_OUT, PLUGPROOF_PACKAGE
limit   = "30m"                       # how long one before, command or {{cmd:...}} may take

[cc.arm]
cc = "armv7l-linux-musleabihf-gcc"    # another C compiler than the default

[matrix]
go   = ["go1.26.8", "tip=path:/src/go"]
arch = ["amd64", "arm"]
libc = ["musl"]
[[matrix.include]]                    # or exclude; the fields of when

[policy]                              # what all of it may be made of: 'plugproof help policy-rules'

{{cmd:date +%s}} inside flags or env is run on each side; what it prints is split at spaces like the rest of a flag, unless quoted.
Where host and plugin use different Gos and no [[expect]] fits, prediction and machine only have to agree.
`
