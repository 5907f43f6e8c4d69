# `make` says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The programs that the local stack runs. The whole workspace at once, so that the demo and the tests compile every crate with the same
# features, and so only once. What is deployed is built by package: `sam build`.
PROGRAMS := --workspace
TRUE := 1 yes true

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## From a push to a running container, on this machine; KEEP=1 leaves it running
	@scripts/setup demo
	cargo build --locked --profile quick $(PROGRAMS)
	@target/quick/longshore demo $(if $(filter $(TRUE),$(KEEP)),--keep)

.PHONY: test
test: ## Every check and every test
	@scripts/setup test
	@$(MAKE) fmt clippy deny template
	cargo build --locked --profile quick $(PROGRAMS)
	@$(MAKE) messages lean
	cargo nextest run --locked --cargo-profile quick --workspace

.PHONY: simulate
simulate: ## A release's whole way, simulated 100,000 times with faults; LONGSHORE_SCHEDULES=N, or LONGSHORE_SEED=N for one with its trace
	LONGSHORE_SCHEDULES=$${LONGSHORE_SCHEDULES:-100000} \
	  cargo test --locked --profile quick -p longshore-core --test simulation

LOAD ?=
.PHONY: load
load: ## A thousand deliveries, 50 at once: none lost, none doubled; LOAD="--deliveries N --concurrency N --json"
	@scripts/setup demo
	cargo build --locked --profile quick $(PROGRAMS)
	@target/quick/longshore-load $(LOAD)

ROUNDS ?= 3
.PHONY: bench-build
bench-build: ## How long the sample's image takes to build: cold, warm, after a change, with and without a cache; ROUNDS=3
	@scripts/setup demo
	@scripts/bench-build --rounds $(ROUNDS)

.PHONY: fmt
fmt: ## Formatting
	cargo fmt --all --check

.PHONY: clippy
clippy: ## Lints
	cargo clippy --locked --profile quick --workspace --all-targets -- -D warnings

.PHONY: deny
deny: ## Licences, sources and bans of what we depend on
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

.PHONY: messages
messages: ## Every message against Slack's block structure, of the programs as they are built
	@.local/messages/bin/python scripts/check-messages

.PHONY: lean
lean: ## What the functions' cold starts cost, in instructions, of the programs as they are built
	@bench/guard

.PHONY: bench
bench: ## The functions as they are deployed, measured beside others; some six minutes, most of them for building
	@scripts/setup bench
	@bench/run

CHECK ?=
.PHONY: package
package: ## The functions' zips, with inventories, in target/package; CHECK=1 builds them twice and compares
	@scripts/package $(if $(filter $(TRUE),$(CHECK)),--check)

.PHONY: template
template: ## template.yaml and suite.yaml: linters, weaknesses, policies, and a stack made by moto
	@scripts/check-template
