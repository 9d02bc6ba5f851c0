# `make demo` shows the main job on a real Northbound, `make test` passes all tests. Both set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
env = . tests/ovn/env;
nextest := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run || echo test)

.PHONY: help setup build demo test bench lint plugins

help: ## This text
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: ## What building and testing needs: wasm target, OVN's programs
	@tests/ovn/setup

build: setup ## The weir binary, with the shipped plugins in it
	$(CARGO) build -p weir

demo: build ## The main job on a real Northbound, step by step
	tests/demo/seed "$${CARGO_TARGET_DIR:-target}/debug/weir"

test: setup ## All tests
	$(env) $(CARGO) $(nextest) --workspace
	$(env) $(CARGO) test --workspace --doc -q

bench: setup ## All figures, in one run (a release build)
	$(CARGO) build --release -p weir -p weir-bench
	$(env) "$${CARGO_TARGET_DIR:-target}/release/weir-bench"

lint: ## Format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

plugins: setup ## The shipped plugins as WebAssembly modules, by themselves
	$(CARGO) build --profile plugin --target wasm32-unknown-unknown $(patsubst plugins/%/Cargo.toml,-p weir-plugin-%,$(filter-out plugins/faulty/%,$(wildcard plugins/*/Cargo.toml)))
