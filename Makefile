# make help lists the targets. Each one that builds or runs something installs what is missing first, through scripts/deps.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# What may be changed on the command line: make verify ARGS='--cold', make fuzz FUZZTIME=5m, make test PKG=./verify/...
PKG      = ./...
ARGS     =
ARCH     = amd64,arm
FIXTURES = fixture:all
FUZZTIME = 20s
ROUNDS   = 20
BENCH    = .
TIMEOUT  = 2h

BIN = .bin/plugproof
# The Go that scripts/deps found or fetched, first on PATH for everything that looks for one.
WITH_GO = go=$$(scripts/deps --go) && PATH="$${go%/*}:$$PATH" && export PATH &&

.PHONY: help deps build verify test loaded airgap agree chaos faults fresh gostd bench bench-peers torture fuzz lint clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | sort | while read -r t h; do printf '  make %-11s %s\n' "$$t" "$$h"; done

deps: ## install what is missing; say what, and do nothing the second time
	@scripts/deps >&2

build: deps ## build .bin/plugproof
	@mkdir -p .bin
	@$(WITH_GO) CGO_ENABLED=0 go build -trimpath -o $(BIN) ./harness/cmd/plugproof

verify: build ## rebuild, predict and load every fixture for amd64 and arm, in virtual machines
	@$(WITH_GO) $(BIN) verify --arch $(ARCH) $(ARGS) $(FIXTURES)

test: build ## all tests and scenarios, in real virtual machines
	@$(WITH_GO) go build -o .bin/tests ./scripts/tests
	@$(WITH_GO) $(BIN) fetch --arch $(ARCH) $(FIXTURES) >&2 || echo 'make: not everything could be fetched; the tests that need it will say so' >&2
	@$(WITH_GO) .bin/tests .bin/test.log -count=1 -timeout $(TIMEOUT) $(PKG)

LOOPS = 8
loaded: ## all tests and scenarios beside LOOPS busy loops: a test that passes on a quiet machine only is a defect
	@make=$$$$ loops=; trap 'kill $$loops 2>/dev/null' EXIT; trap 'exit 130' INT TERM; \
		for i in $$(seq $(LOOPS)); do (while kill -0 $$make 2>/dev/null; do for j in $$(seq 100000); do :; done; done) & loops="$$loops $$!"; done; \
		$(MAKE) test TIMEOUT=3h

fresh: build ## loads of every fixture in restored and in booted machines: the same outcomes
	@rm -rf .bin/restored .bin/booted
	@$(WITH_GO) $(BIN) verify --arch $(ARCH) --out .bin/restored $(FIXTURES) >/dev/null; $(BIN) verify --arch $(ARCH) --fresh-boot --out .bin/booted $(FIXTURES) >/dev/null; \
		for run in restored booted; do $(BIN) report .bin/$$run | sed '/^$$/q' >.bin/$$run.txt; done; diff .bin/restored.txt .bin/booted.txt && cat .bin/booted.txt

STD = strings net/netip plugin sort os runtime/debug
gostd: build ## tests of the standard library in machines, by go test -exec
	@$(WITH_GO) bin=$$PWD/$(BIN) && cd "$$(go env GOROOT)/src" && for arch in $$(echo $(ARCH) | tr , ' '); do \
		CGO_ENABLED=0 GOARCH=$$arch GOARM=7 go test -count=1 -timeout 2h -exec "$$bin exec --arch $$arch --" $(STD) || failed=1; done; test -z "$$failed"

faults: build ## everything that can go wrong in a machine, ROUNDS times each: some hours (ARGS=-vm.bulk=false: what tests do too, one hour)
	@$(WITH_GO) go test -v ./harness/vm -run TestFaultRounds -count=1 -timeout 9h -vm.rounds $(ROUNDS) $(ARGS)

airgap: build ## from a kit alone, in an empty root without network: verified, unpacked, built again, the same bytes (as root; needs a network to make the kit)
	@$(WITH_GO) scripts/airgap $(BIN) fixture:matching $(ARCH)

agree: build ## predictions of plugin.Open against reality, Go 1.20 to 1.27; the first time a quarter of an hour
	@$(WITH_GO) go build -o .bin/agree ./scripts/agree && .bin/agree $(ARGS)

chaos: build ## kill -9 at 50 seeded moments of a matrix of 40 cells, each time resumed: nothing lost, nothing doubled (ARGS='-seed 2')
	@$(WITH_GO) $(BIN) fetch --go go1.25.3,go1.26.8 fixture:matching >&2 && go build -o .bin/chaos ./scripts/chaos && .bin/chaos -plugproof $(BIN) $(ARGS)

bench: deps ## all benchmarks
	@$(WITH_GO) go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout $(TIMEOUT) $(PKG)

score: build ## how often plugproof names the right cause: every leak of fixtures/leaks; writes the table in verify/README.md
	@$(WITH_GO) go build -o .bin/score ./scripts/score
	@$(WITH_GO) .bin/score -plugproof $(BIN) -json scripts/score/score.json -readme verify/README.md $(ARGS)

bench-peers: build ## two plugins and two rclones that differ by their path: plugproof diff and diffoscope, CPU seconds, memory, output (installs diffoscope-minimal)
	@scripts/deps --peers >&2
	@$(WITH_GO) go test -run '^$$' -bench 'PathLeak|Rclone' -benchtime 1x -timeout 60m ./verify/elfdiff -peers

torture: deps ## plugins cut at 200 offsets and corrupted 2,500 times each, for amd64 and arm: an answer or an error, 256 MB, ten minutes of CPU
	@$(WITH_GO) go test -run '^TestTorture$$' -v -timeout 60m ./verify/elfdiff -cuts 200 -corruptions 2500

fuzz: deps ## each fuzz target for FUZZTIME
	@$(WITH_GO) set -e; grep -rlE --include='*_test.go' '^func Fuzz' . | sort | while read -r f; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$f"); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$${f%/*}" || exit 1; \
		done; \
	done

lint: deps ## gofmt, go vet, and shellcheck where it is installed
	@$(WITH_GO) unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:" $$unformatted; exit 1; fi
	@$(WITH_GO) go vet ./...
	@if command -v shellcheck >/dev/null; then shellcheck -s dash scripts/deps scripts/airgap; else echo 'shellcheck is not installed, so scripts/deps was not checked'; fi

clean: ## remove what was built and run here; the caches are plugproof cache's
	rm -rf .bin results/runs
