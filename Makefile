# make build | ui | run | test | check | ui-stories | bench | e2e | geo
GO ?= go
# The race detector needs a C compiler on Linux.
RACE := $(if $(shell command -v $${CC:-cc} 2>/dev/null),-race)
# Real peers that some tests speak to; .ci/run installs them.
PEERS = unbound gdnsd knotd dnsperf named nsd kdig zonemaster-cli dnsviz pgbouncer redis-server mariadbd nginx prometheus-alertmanager
# What `make e2e` wants besides: resolvers and nodes are put into network namespaces, as root.
E2E_PEERS = kresd ip nft
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Without Node the binary is whole but for its UI.
NPM := $(shell node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && command -v npm 2>/dev/null)

.PHONY: build ui run test check ui-stories bench e2e geo clean peers

build: ## build bin/meridian, with its UI where there is Node.js 20 or newer
	@$(if $(NPM),$(MAKE) --no-print-directory ui || echo 'The web UI could not be built (see above). The binary has a page that says so in its place.',echo 'No Node.js 20 or newer: the binary has no web UI, but a page that says how to build it.')
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/meridian ./cmd/meridian

ui: web/ui/dist/index.html ## build the web UI, which the binary embeds (needs npm)

web/ui/node_modules/.installed: web/ui/package-lock.json
	cd web/ui && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.installed

web/ui/dist/index.html: web/ui/node_modules/.installed web/openapi.yaml $(shell find web/ui -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/stories/*' -not -name '*.md' -not -name '*.gen.ts' 2>/dev/null)
	cd web/ui && npm run --silent types && npm run --silent tsc && npm run --silent build

run: build ## the three-region demo on loopback
	./bin/meridian demo

test: peers ## every test, with the race detector
	@$(if $(RACE),,echo 'No C compiler: running without the race detector.')
	$(GO) test $(RACE) -timeout 25m ./...

e2e: PEERS += $(E2E_PEERS)

peers:
	@missing=; for p in $(PEERS); do PATH=$$PATH:/usr/sbin command -v $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "Not installed:$$missing. The tests that need them are skipped (Debian: apt-get install unbound gdnsd knot knot-dnsutils bind9 nsd dnsperf postgresql pgbouncer redis-server mariadb-server nginx prometheus-alertmanager; for make e2e also knot-resolver iproute2 nftables)."; fi

check: $(if $(NPM),web/ui/node_modules/.installed) ## formatting, vet, staticcheck, that generated files are up to date, and where there is npm types and units of the UI
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(if $(NPM),cd web/ui && npm run --silent types && npm run --silent check,@echo 'No npm: the UI is not checked.')

bench: build ## queries a second and CPU per query, beside gdnsd and knot when they are installed
	$(GO) test -run '^$$' -bench . -benchmem ./policy/snapshot ./policy/geo ./dnsserver/...
	MERIDIAN_BENCH=1 $(GO) test -count 1 -v -run TestBench -timeout 30m ./cmd/meridian

e2e: build peers ## the end-to-end tests many times, with percentiles, and all stories of the UI
	MERIDIAN_E2E_RUNS=$${MERIDIAN_E2E_RUNS:-30} $(GO) test -count 1 -v -run TestE2E -timeout 180m ./cmd/meridian
	@if [ -n "$(NPM)" ] && command -v $${CHROMIUM:-chromium} >/dev/null; then cd web/ui && node stories/run.mjs; else echo 'Not installed: npm or chromium. The stories of the UI are skipped (Debian: apt-get install nodejs npm chromium).'; fi

ui-stories: build ## a short set of stories of the UI, with a real browser against a real demo (needs npm and chromium)
	cd web/ui && node stories/run.mjs --short

geo: ## rebuild the embedded country data (needs npm)
	$(GO) generate ./policy/geo

clean:
	rm -rf bin web/ui/node_modules web/ui/dist/assets web/ui/dist/index.html
