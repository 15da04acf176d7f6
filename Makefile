# The commands of this project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO       ?= go
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
WEB_SRC  := $(shell find web/app web/client -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
WEB_DIST := internal/site/dist/index.html

# Tools of `make check`; not part of the product.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help run build web test test-deps soak bench check generate screenshots clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## build what is missing and serve with embedded defaults
	@bin/streamcat serve

build: $(WEB_DIST) ## build the web app and bin/streamcat
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/streamcat ./cmd/streamcat

web: $(WEB_DIST) ## build the web app only

$(WEB_DIST): $(WEB_SRC)
	@cd web/app && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

test-deps: ## install what the tests need
	@scripts/test-deps

test: ## everything that must hold, in under 20 minutes
	@scripts/test

soak: ## long: chaos, churn, network faults, fuzzing by time
	@scripts/soak

bench: ## benchmarks and ratios
	@scripts/bench

generate: ## write the generated files again
	@$(GO) generate ./...

check: ## format, vet, lint, floors, generated files, vulnerabilities
	@scripts/check '$(GOFUMPT)' '$(STATICCHECK)' '$(GOVULNCHECK)'

screenshots: build ## pictures of every page, desktop and phone, dark and light
	@scripts/screenshots

clean: ## remove what was built
	@rm -rf bin internal/site/dist/assets internal/site/dist/*.*
