# `make help` lists the targets. Nothing else needs to be installed by hand on Debian with Go 1.26, make and git: .ci/setup installs what is missing of
# Debian's packages (as root) and fetches the rest into ~/.cache/otpbridge ($OTPBRIDGE_CACHE), and says so.

# KEYCLOAK=version, KEYCLOAK=all and FULL=1 reach set-up and tests through the environment.
export KEYCLOAK FULL

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
CACHE   := $(or $(OTPBRIDGE_CACHE),$(HOME)/.cache/otpbridge)
LINT    := $(CACHE)/bin/golangci-lint run --allow-serial-runners
RUN     ?= .
# The end-to-end tests share one Keycloak, so four are at work at a time, two of them with browsers, and more while the machine
# is idle; FULL=1 runs whole matrices.
LIMIT   := $(if $(FULL),80m,60m)

# Unit tests wait for disks and clocks as well as for the processor. The quick loop runs those again whose code has changed. RACE=-race runs all of them, in
# another order each time, and looks for races, which takes five times the processor: packages that only compute are spared that. With FULL=1
# everything is repeated as often as it is meant to be. The linters have vetted everything.
RACE    :=
UNIT    := $(if $(FULL),,-short) -vet=off $(if $(RACE),-shuffle=on) -parallel 8 -timeout 20m
COMPUTE := /(view|totp|config)$$

.PHONY: help demo build image check test e2e keycloak bench fuzz

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## try it on this machine; KEYCLOAK=26.7.4: on a real Keycloak; STATE=dir: keep what happened; PORT_BASE=9000: other ports
	@[ '$(KEYCLOAK)' != all ] || { echo "make demo runs on one release, for example KEYCLOAK=26.7.4" >&2; exit 2; }
	$(if $(KEYCLOAK),.ci/setup java keycloak)
	go build -o bin/otpbridge-demo ./cmd/otpbridge-demo
	bin/otpbridge-demo $(if $(KEYCLOAK),-keycloak $(KEYCLOAK)) $(if $(STATE),-state $(STATE)) $(if $(PORT_BASE),-port-base $(PORT_BASE))

build: ## bin/otpbridge, static and without symbols
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/otpbridge ./cmd/otpbridge

image: build ## bin/otpbridge.oci.tar, for registries and container engines; with its bill of materials, the same bytes each time
	.ci/setup packages sbom
	.ci/image $(VERSION)

check: ## the quick loop: format, linters, unit tests, long ones with fewer rounds
	.ci/setup packages lint
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run gofmt -w on: $$unformatted"; exit 1; }
	$(LINT) ./...
	cd e2e && $(LINT) --config ../.golangci.yml ./...
ifeq ($(RACE),)
	go test $(UNIT) ./...
else
	go test $(UNIT) $$(go list ./... | grep -E '$(COMPUTE)')
	GORACE=atexit_sleep_ms=0 go test $(RACE) $(UNIT) $$(go list ./... | grep -Ev '$(COMPUTE)')
endif

test: ## everything: set-up, check with the race detector, each fault of each call of a swap, 1 s of each fuzz target, end-to-end tests on real parts; FULL=1: all rounds, whole matrices; KEYCLOAK=all: the core on older lines, too
	.ci/stages

e2e: ## end-to-end tests; RUN=regex chooses by name; KEYCLOAK=26.4.7: the core on that release, all: on each line
	.ci/setup packages keycloak axe helm sbom
	.ci/e2e '$(RUN)' $(LIMIT)

keycloak: ## keep one Keycloak running, on which `make e2e` starts at once; it prints what to export
	.ci/setup packages keycloak
	cd e2e && go run ./keycloak

bench: ## one line a figure: NAME VALUE UNIT (goal G; peer P V) ratio R; FIGURE=name prints one of them
	.ci/setup packages keycloak
	cd e2e && go run ./bench $(FIGURE)

fuzz: ## one minute of each fuzz target
	.ci/fuzz 60s
