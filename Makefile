# `make demo` shows the main job on a real Northbound, `make demo-octavia` through real Octavia, `make test` passes all
# tests. All set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
env = . tests/ovn/env;
nextest := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run || echo test)

.PHONY: help setup build demo demo-octavia test test-languages test-octavia test-traffic test-adopt test-neutron test-tempest test-devstack stress wheel bench bench-short lint plugins

help: ## This text
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## What building and testing needs: wasm target, OVN's programs
	@tests/ovn/setup

build: setup ## The weir binary, with the shipped plugins in it
	$(CARGO) build -p weir

demo: build ## The main job on a real Northbound, step by step
	tests/demo/seed "$${CARGO_TARGET_DIR:-target}/debug/weir"

demo-octavia: build ## The OpenStack client's commands through real Octavia (from PyPI), step by step
	tests/octavia/real/demo "$${CARGO_TARGET_DIR:-target}/debug/weir"

test: setup ## All tests; WEIR_SKIP_OCTAVIA=1 leaves out those with real Octavia, WEIR_SKIP_TRAFFIC=1 real traffic, WEIR_SKIP_ADOPT=1 the reference driver's, WEIR_SKIP_LANGUAGES=1 other languages' plugins
	$(env) $(CARGO) $(nextest) --workspace
	$(env) $(CARGO) test --workspace --doc -q
	tests/octavia/real/test
	tests/ovn/traffic/test
	tests/adopt/test
	tests/languages/test

test-languages: setup ## Plugins in Rust, C, Python and JavaScript: made, built, tested, served
	tests/languages/test

test-octavia: build ## The tests with real Octavia alone
	tests/octavia/real/test

test-adopt: build ## The tests of moving from the reference driver to Weir and back, with the reference from PyPI
	tests/adopt/test

test-neutron: build ## The tests with real Neutron and Keystone, which `make test` leaves out for time
	tests/neutron/test

test-tempest: build ## Octavia's own acceptance tests for pools and listeners, with real Keystone, Neutron and Octavia
	tests/tempest/test

test-devstack: build ## DevStack's plugin with stubs of DevStack; then real Keystone, Neutron and Octavia with the configuration that it writes
	tests/devstack/test "$${CARGO_TARGET_DIR:-target}/debug/weir"

test-traffic: build ## Traffic on OVN's data plane, through load balancers that Weir has made (as root)
	tests/ovn/traffic/test

stress: build ## 200 concurrent creates through real Octavia on MariaDB, with the host killed five times meanwhile
	tests/octavia/real/stress "$${CARGO_TARGET_DIR:-target}/debug/weir"

wheel: ## Octavia's driver as wheels, in dist/
	python3 -m pip wheel -q --no-deps -w dist host/octavia/driver host/octavia/driver/ovn

bench: setup ## All figures, in one run (a release build)
	$(CARGO) build --release -p weir -p weir-bench
	$(env) "$${CARGO_TARGET_DIR:-target}/release/weir-bench"

bench-short: setup ## Whether the benchmarks run: a few load balancers, a debug build; its figures say nothing
	$(CARGO) build -p weir -p weir-bench
	$(env) BENCH_LOAD_BALANCERS=40 "$${CARGO_TARGET_DIR:-target}/debug/weir-bench"

lint: ## Format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

plugins: setup ## The shipped plugins as WebAssembly modules, by themselves
	$(CARGO) build --profile plugin --target wasm32-unknown-unknown $(patsubst plugins/%/Cargo.toml,-p weir-plugin-%,$(filter-out plugins/faulty/%,$(wildcard plugins/*/Cargo.toml)))
