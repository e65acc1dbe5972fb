# The front door. `make help` lists what there is; `make demo` and `make test` do all their own set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
CLUSTER ?= dev
CTEST := ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the Debian packages of tools/deps.txt (root on Debian 12)
	@python3 tools/deps.py build bench cluster

.PHONY: build
build: ## compile everything (PRESET=release|dev|asan|tsan|cov)
	@python3 tools/deps.py build
	@mkdir -p build && { cmake --preset $(PRESET) >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }; }
	@cmake --build $(BUILD) -j $(JOBS)

.PHONY: check
check: build ## static checks, unit and component tests
	@$(CTEST) -j $(JOBS) -L 'static|unit|component'

.PHONY: test
test: ## everything that guards a change: build, check, real SDKs, real cluster
	@python3 tools/deps.py build bench cluster
	@$(MAKE) --no-print-directory build
	@python3 tests/interop/setup.py
	@python3 tests/bench/peers.py nginx >/dev/null
	@python3 tests/cluster/cluster.py tools
	@$(MAKE) --no-print-directory images
	@$(CTEST) -j $(JOBS)

.PHONY: failover
failover: ## 16 provider faults and more, with the official SDKs through the sidecar (PRESET=asan|tsan: a report fails)
	@python3 tools/deps.py build
	@mkdir -p build && { cmake --preset $(PRESET) >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }; }
	@cmake --build $(BUILD) -j $(JOBS) --target agent-reliability-sidecar
	@python3 tests/failover/run.py --sidecar $(BUILD)/sidecar/agent-reliability-sidecar --registered

.PHONY: comparison
comparison: build ## the same faults through Portkey and LiteLLM, by hand, seven minutes; results in docs/comparison.md
	@python3 tools/deps.py build bench
	@python3 tests/failover/run.py --comparison --sidecar $(BUILD)/sidecar/agent-reliability-sidecar --write

.PHONY: bench
bench: ## speed beside nginx, haproxy, Envoy and Portkey (QUICK=1: does it work?); writes docs/performance.md
	@python3 tools/deps.py build bench
	@mkdir -p build && { cmake --preset release >build/release-configure.log 2>&1 || { cat build/release-configure.log; exit 1; }; }
	@cmake --build build/release -j $(JOBS) --target agent-reliability-sidecar bench-tools
	@python3 tests/bench/peers.py >/dev/null
	@python3 tests/bench/run.py --sidecar build/release/sidecar/agent-reliability-sidecar --tools build/release/tests/bench \
	  $(if $(QUICK),--quick,--write)

.PHONY: asan tsan
asan tsan: ## unit and component tests under a sanitizer
	@$(MAKE) --no-print-directory build PRESET=$@
	@ctest --test-dir build/$@ --output-on-failure -j $(JOBS) -L 'unit|component'

.PHONY: cov
cov: ## line coverage of the pure parts (at least 90 %)
	@$(MAKE) --no-print-directory build PRESET=cov
	@ctest --test-dir build/cov --output-on-failure -j $(JOBS) -L 'unit|component'
	@python3 tools/coverage.py build/cov

.PHONY: tidy
tidy: ## clang-tidy over the sources, warnings are errors
	@python3 tools/tidy.py

.PHONY: fmt
fmt: ## format the C++ sources
	@python3 tools/check_format.py --fix

.PHONY: images
images: build ## build the operator, sidecar and example images (no Docker engine needed)
	@python3 tools/images.py

.PHONY: chart
chart: ## regenerate the chart's CRDs and the plain manifests
	@python3 tools/chart.py

.PHONY: docs
docs: ## regenerate the field reference, the tables of error classes and of LLM translation
	@python3 tools/gen_field_reference.py
	@python3 tools/gen_error_classes.py
	@python3 tools/gen_llm_translation.py

.PHONY: cluster-up cluster-down
cluster-up: ## start a local single-node Kubernetes (CLUSTER=name)
	@python3 tools/deps.py build cluster
	@python3 tests/cluster/cluster.py up --name $(CLUSTER) --tier node
cluster-down: ## stop it and remove all it made
	@python3 tests/cluster/cluster.py down --name $(CLUSTER)

.PHONY: demo demo-clean
demo: ## the whole story on a real cluster: injected, provider outage, tripped, paused, scaled down, restored
	@python3 tools/deps.py build cluster
	@$(MAKE) --no-print-directory images
	@python3 examples/demo/demo.py
demo-clean: ## remove what the demo made
	@python3 examples/demo/demo.py --clean
