# Plain `make` prints the targets. Each is one or two ordinary commands; nothing needs a container.
SHELL   := /bin/sh
GO      ?= go
BIN     := bin
FUZZTIME ?= 10s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Looked at when a recipe runs, since flite may just have been fetched.
TAGS     = $(shell test -f media/tts/assets/flite.wasm.gz && echo flite)
LDFLAGS := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo build test check race lint fuzz bench bench-load bench-register e2e loopback fixtures docs cover flite licences clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: flite build ## the main job end to end over real SIP and RTP; ends by itself
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/ ./fixtures/demo/...
	$(BIN)/drive --pintle $(BIN)/pintle --app $(BIN)/app --out demo-out

build: ## the binary, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -tags "$(TAGS)" -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

test: ## all tests that need neither gcc nor other programs
	$(GO) test ./...

check: ## the whole gate: format, vet, modules, generated pages, race detector (needs gcc)
	@out=$$(gofmt -l cmd interpreter verbs sipedge media fixtures); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) test -race -shuffle=on ./...

race: ## the tests under the race detector (needs gcc), with a thousand random orders of SIP events
	PINTLE_ORDERS=1000 $(GO) test -race -shuffle=on ./...

lint: ## golangci-lint with the list in .golangci.yml
	golangci-lint run ./...

fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep ^Fuzz); do \
	    echo "$$pkg $$f"; $(GO) test -run=NONE -fuzz="^$$f$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=10x $$pkg || exit 1; \
	  done; done

bench: build ## allocations per tick, document to first packet, calls per core; one table
	$(GO) run ./fixtures/benchtable --pintle $(BIN)/pintle

bench-load: build ## the load client's workloads against this machine's binary
	$(GO) run ./fixtures/benchtable --pintle $(BIN)/pintle --load

bench-register: ## 10,000 phones register with digest, 200 are called: CPU and memory of each (two minutes)
	PINTLE_BENCH=1 $(GO) test -count=1 -run 'TestRegisterLoad$$' -v ./sipedge

loopback: ## fixtures over SIP and RTP on 127.0.0.1 in real time
	PINTLE_LOOPBACK=1 $(GO) test -count=1 -run 'Loopback' ./sipedge/... ./fixtures/...

e2e: flite build loopback ## real peers (installed by it) against the binary on 127.0.0.1
	sh fixtures/e2e/install.sh
	PINTLE_E2E=1 PINTLE_BIN=$(CURDIR)/$(BIN)/pintle $(GO) test -count=1 -timeout 20m -parallel 4 ./fixtures/e2e/...
	PINTLE_E2E=1 $(GO) test -count=1 -run 'TestRealPhones$$' ./sipedge

fixtures: ## rewrite the transcripts of the fixtures, then show what changed
	$(GO) test ./fixtures/... ./verbs/... -update
	git diff --stat -- fixtures verbs

docs: ## regenerate docs/verbs and docs/errors.md
	$(GO) run ./cmd/pintle docs --out docs

cover: ## coverage per package
	$(GO) test -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out | tail -1

flite: ## fetch the default voice (npm client), checked by its sum; goes on without npm
	sh media/tts/fetch-flite.sh

licences: ## the licence of every module in the binary
	$(GO) run ./fixtures/licences

clean: ## what the targets above made
	rm -rf $(BIN) demo-out cover.out
