# Rollcall: `make run` to use it, `make test` to test it, `make help` for the rest.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN   := bin/rollcall
PAGE  := web/dist/assets.json
WASM  := .build/app.wasm
E2E   := ./server/e2e
AXE   := .build/npm/axe/node_modules/.package-lock.json
LIGHTHOUSE := .build/npm/lighthouse/node_modules/.package-lock.json

go_files = $(shell find $(1) -name '*.go' ! -name '*_test.go' 2>/dev/null)
REQUIRED      := go.mod go.sum
PAGE_SOURCES  := $(call go_files,app shared) $(REQUIRED)
STAND_INS     := $(call go_files,web/slim)
ASSET_SOURCES := $(wildcard web/static/*) $(call go_files,web/pack) web/web.go $(REQUIRED)
BIN_SOURCES   := $(call go_files,app server shared web) $(wildcard server/site/*.html server/admin/*.html) $(REQUIRED)

# What the browser runs, and what has to be looked at once more as such.
JS       := GOOS=js GOARCH=wasm
JS_PACKS := ./app/... ./shared/...

.PHONY: run cluster build test unit several e2e check vuln browser shots lighthouse chaos soak prove fuzz bench size fmt lint rename clean help

run: build ## build what changed, start Rollcall and print its address
	@$(BIN)

cluster: build ## three servers that are one, with NATS and a balancer; prints their address
	@go build -o .build/demo ./server/testcluster/demo
	@.build/demo

build: $(BIN) ## build bin/rollcall: one program with everything in it

# The same sources give the same bytes, wherever they are and whatever git says.
BUILD := go build -trimpath -buildvcs=false -ldflags='-s -w'

# In place of what a page does not use of Go's library it is built with
# stand-ins (see web/slim), and what is not called often is not inlined. With
# SLIM= it is built as Go has it, to see whether a fault comes from there.
SLIM := 1
COLD := encoding/... fmt time net/... reflect strconv os internal/... syscall/... slices github.com/... rollcall/...
SLIM_FLAGS = $(if $(SLIM),-overlay .build/overlay.json $(foreach p,$(COLD),-gcflags=$(p)=-l))

$(WASM): $(PAGE_SOURCES) $(STAND_INS) .build/slim
	@echo "building the page"
	@go run ./web/slim -out .build/overlay.json
	@$(JS) $(BUILD) $(SLIM_FLAGS) -o $@ ./app || { echo "If a stand-in for a package of Go's lacks something, add it in web/slim/std; SLIM= builds without."; exit 1; }
	@touch $@

# changes whenever the page is to be built in another way
.build/slim: FORCE
	@mkdir -p $(@D)
	@echo '$(SLIM_FLAGS)' | cmp -s - $@ || echo '$(SLIM_FLAGS)' >$@

FORCE:

$(PAGE): $(WASM) $(ASSET_SOURCES)
	@echo "packing the assets"
	@go run ./web/pack -wasm $(WASM) -static web/static -out web/dist
	@touch $@

$(BIN): $(PAGE) $(BIN_SOURCES)
	@echo "building $@"
	@CGO_ENABLED=0 $(BUILD) -o $@ ./server
	@touch $@

test: check unit several e2e ## everything: vet, lint, unit tests with the race detector, several servers, the real browser

check: $(PAGE) ## vet, staticcheck and gofmt, natively and for the browser
	@test -z "$$(gofmt -l app server shared web)" || { echo "not formatted (make fmt mends it):"; gofmt -l app server shared web; exit 1; }
	@go mod verify >/dev/null && go mod tidy -diff
	go vet ./...
	$(JS) go vet $(JS_PACKS)
	go tool staticcheck ./...
	$(JS) $$(go tool -n staticcheck) $(JS_PACKS)

vuln: $(PAGE) ## known faults in what is linked, natively and for the browser; asks vuln.go.dev
	@GOBIN=$(CURDIR)/.build go install golang.org/x/vuln/cmd/govulncheck@latest
	.build/govulncheck ./...
	$(JS) .build/govulncheck $(JS_PACKS)

unit: $(PAGE) ## unit tests, with the race detector
	go test -race $$(go list ./... | grep -v -e '/server/e2e$$' -e '/server/testcluster')

several: build ## several real servers and NATS, with what can happen to them
	go test -race -count=1 -p 1 -parallel 20 -timeout=5m ./server/testcluster/...

e2e: build $(AXE) browser ## end-to-end tests in headless Chromium; screenshots of failures go to .artifacts
	go test -count=1 -short -timeout=15m $(E2E)

shots: build $(AXE) browser ## screenshots of the page's states, into .artifacts
	go test -count=1 -timeout=15m -run '^TestLook|^TestEveryStateAdapts' $(E2E)

# Its flags are in ARGS, as in: make lighthouse ARGS='-runs 3 -path /r/design'
lighthouse: build $(LIGHTHOUSE) browser ## Lighthouse's scores for the page, as a computer's and as a phone's; reports go to .artifacts
	@go run $(E2E)/lighthouse $(ARGS)

# Its flags are in ARGS, as in: make chaos ARGS='-for 1h -seed 7'
chaos: build ## ten minutes of what can happen to several servers, at random, with checks
	@go build -o .build/chaos ./server/testcluster/chaos
	@.build/chaos $(ARGS)

# Several of them, over NATS, are what chaos is about. Its flags are in ARGS.
soak: build ## ten minutes of all that can happen to one server with 500 people, and what it needs after that
	@go build -o .build/chaos ./server/testcluster/chaos
	@.build/chaos -servers 1 -people 500 $(ARGS)

prove: $(PAGE) ## the random tests of the hub ten thousand times over, and how much of the core the tests reach
	go test -count=1 -timeout=30m -run Truth ./server/hub -rapid.checks=10000
	go test -count=1 -timeout=30m -run BadNetwork -race ./server/ws
	go test -count=1 -timeout=30m -run BadNetwork -race ./server/cluster -seeds 300
	go test -count=1 -cover ./server/hub ./server/session ./shared/...

FUZZTIME := 1m

fuzz: $(PAGE) ## every fuzz target for FUZZTIME (1m)
	@set -e; for pkg in $$(go list ./... | grep -v '/server/e2e$$'); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
		done; \
	done

bench: build browser ## benchmarks, and a load generator: beside other servers and the raw limit, and for several servers
	go test -run '^$$' -bench . ./server/ws ./server/site ./server/presence ./server/slice ./server/cluster ./shared/...
	go test -run '^$$' -bench . -cpu 1,2 ./server/hub
	go test -run '^$$' -bench . -benchtime 80x $(E2E)
	@go build -o .build/loadgen ./server/loadgen
	@.build/loadgen
	@.build/loadgen -several

size: $(PAGE) ## what a visit has to load
	@go test -count=1 -run TestTheWeightOfAVisit -v ./server/site | sed -n 's/^ *weight_test.go:[0-9]*: //p'

# The tests need a browser, and npm for what runs in it; those of the Debian
# archive will do.
browser:
	@missing=; \
	command -v chromium chromium-browser google-chrome >/dev/null || missing+=" chromium"; \
	command -v npm >/dev/null || missing+=" nodejs npm"; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "Not found:$$missing (Chrome will do for Chromium). Install it, then try again."; exit 1; }; \
	echo "installing$$missing"; \
	sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	$$sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -qy --no-install-recommends $$missing

# Exactly what a lock file says, where no tool of Go's looks into it. After a
# change of package.json, in its folder:
#   npm install --package-lock-only --omit-lockfile-registry-resolved
.build/npm/%/node_modules/.package-lock.json: server/e2e/npm/%/package.json server/e2e/npm/%/package-lock.json | browser
	@echo "installing $*"
	@mkdir -p .build/npm/$*
	@cp $^ .build/npm/$*
	@cd .build/npm/$* && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

fmt: ## format the sources
	gofmt -w app server shared web

lint: check ## the same as check

rename: ## move the module to another path: make rename MODULE=example.org/you/rollcall
	@go run ./server/rename '$(MODULE)'

clean: ## remove all that was built
	rm -rf bin .build .artifacts
	find web/dist -type f ! -name placeholder.txt -delete

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
