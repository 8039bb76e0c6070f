package cli

// policyPage is the reference of [policy].
const policyPage = `[policy] in plugproof.toml says what hosts and plugins may be made of; 'plugproof policy' holds them against it.
Unknown keys are errors. Whatever it holds, these are findings: a replacement or pseudo-version that is not listed, a
requirement of which nothing is built, a module that go.sum does not name, a licence that is not known, a package in a
built file whose module is not in its build information or in go.mod, a file of another version or project, a critical
pattern that fits no package, a vendor folder that is built from and is not what go.sum, or the directory that replaces a
module, says. A licence file is known if it holds known licences whole, their titles and copyright notices, and not a word
more. A denied licence is denied as X, X-only and X-or-later; forbid takes paths in any case. A built file counts for its
own package, architecture and, of several, Go. 'plugproof policy' holds a project against [policy], and so does 'plugproof
verify', as a step of each cell, with the files that it built.

[policy]
allow       = ["example.test/...", "golang.org/x/... >=v0.20.0 <v1.0.0"]   # every other module is a finding; left out: none is
forbid      = ["example.test/old <v1.4.0", "example.test/bad@v1.2.3"]      # "..." is any text, x/... also x itself
licences    = { allow = ["MIT", "BSD-3-Clause"], deny = ["AGPL-3.0"] }     # SPDX identifiers, as the LICENSE files' texts have them
critical    = ["./plugins/auth", "example.test/app/keys/..."]              # packages that may import audited modules only, at any depth
unused      = ["github.com/google/go-cmp"]    # may be required though no host or plugin needs it, such as what only tests need
review_days = 365                             # how old the review of an audited module may be

[[policy.replace]]                            # a replacement that may be
module = "example.test/api"
with   = "../api"                             # or "example.test/fork v1.2.0"
reason = "one repository"

[[policy.pseudo]]                             # a pseudo-version that may be
module = "example.test/x@v0.0.0-20260102030405-abcdef012345"
reason = "waits for v1.0.0"
date   = 2026-01-03                           # on which it was accepted

[[policy.licensed]]                           # a licence that the files do not say plainly
module  = "example.test/greet@v1.2.0"         # a pattern with or without versions
licence = "MIT"                               # or LicenseRef-... for one's own
reason  = "read by the lawyers"

[[policy.licensed]]                           # the same of a directory that replaces a module: its path as go.mod has it, and
path    = "../api"                            # the digest of all its files, which a finding about it prints
digest  = "h1:owVKHl3XaEh6Li9xo8ATK0CDcdJZGq58qXz5AuV22pk="
licence = "LicenseRef-House"
reason  = "our own"

[[policy.audited]]
module   = "example.test/greet >=v1.2.0 <v1.3.0"
reviewed = 2026-08-01
by       = "security"                         # optional
days     = 90                                 # instead of review_days

[[policy.audited]]                            # a directory is audited as it was: any change to it needs another review
path     = "../api"
digest   = "h1:owVKHl3XaEh6Li9xo8ATK0CDcdJZGq58qXz5AuV22pk="
reviewed = 2026-08-01
`
