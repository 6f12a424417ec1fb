# Weir: the two commands of the README are `make demo` and `make test`.
GO ?= go
BIN := bin/weir
TEST_FLAGS ?=

.PHONY: demo test oracle bench lint gen build setup clients fmt

build: ## the one binary
	$(GO) build -trimpath -o $(BIN) ./cmd/weir

demo: setup build ## the document's story on real packets; KEEP=1 leaves it running
	$(GO) run ./test/demo -weir $(BIN) $(if $(KEEP),-keep)

test: setup build ## everything; as root, or in a user namespace of its own
	WEIR_BIN=$(CURDIR)/$(BIN) $(GO) test $(TEST_FLAGS) ./...

oracle: ## random networks, the analyser against packets; SEEDS=from-to or a count
	$(GO) test -count=1 -timeout 0 -v -run 'TestNetworks|TestRegress' ./internal/oracle -args -seeds=$(or $(SEEDS),1-2000)

bench: setup build ## ratios against named baselines, in one run
	$(GO) run ./test/bench -weir $(BIN)

lint: ## formatting, vet, staticcheck
	@out=$$(gofmt -l cmd internal tools test); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/lint/go.mod staticcheck ./...

gen: ## types, error tables and docs/coverage.md from the vendors' models
	$(GO) run ./tools/gen

clients: ## Alibaba Cloud's npm clients: some tests use them, and make gen reads their models
	cd tools/npm && npm ci --ignore-scripts --no-audit --no-fund

setup: ## the interpreters that functions run on
	@./tools/setup.sh

fmt:
	gofmt -w cmd internal tools test
