# Every target works from nothing on a fresh Debian machine (root: Debian packages are installed when missing).
# VENV: where everything is installed; SEEDS: how many bad days `make sim` lives; SOAK: seconds; PYTEST, BENCH: more
# options for pytest and the benchmark; CORE_COVERAGE: per cent asked of hadelect/core (100).

VENV ?= .venv
SEEDS ?= 1000
SOAK ?= 3600
PYTEST ?=
BENCH ?=
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
# Everything outside tests/e2e runs on all cores; e2e waits for leases, two labs at a time.
UNIT := --numprocesses=auto --ignore=tests/e2e --ignore=tests/sim

DEBIAN := e2fsprogs faketime iproute2 nftables openssl procps util-linux
SLURM := iputils-arping munge slurm-client slurmctld slurmd  # A real scheduler, for end-to-end tests.
PEERS := keepalived rsync  # What the benches compare with.

.PHONY: install dev demo test check format proto docs unit e2e bench performance sim explore soak sim-soak clean

# What an administrator needs: .venv/bin/hadelect.
install: $(VENV)/installed

# What a developer needs besides.
dev: $(VENV)/developed

$(VENV)/installed: pyproject.toml scripts/make-venv
	scripts/make-venv $(VENV) .
	touch $@

$(VENV)/developed: $(VENV)/installed
	scripts/make-venv $(VENV) '.[dev]'
	touch $@

demo: install
	$(BIN)/hadelect demo

test: dev
	scripts/debian-packages $(DEBIAN)
	$(MAKE) check
	$(MAKE) unit
	$(MAKE) e2e

# One verb: format, lint, types, imports, generated code and tables without a diff.
check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/proto-current $(PYTHON)

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Generated modules lie flat in hadelect/pb, imported as `from hadelect.pb import control_pb2`.
# The mapped include path (-Ihadelect/pb=…) makes protoc itself write that import path, so that
# nothing is edited afterwards. A proto that imports another says `import "hadelect/pb/x.proto"`.
proto: dev
	scripts/make-proto $(PYTHON) .

# Pages of the manual that come from the code and the tests; tests prove them current.
docs: dev
	$(PYTHON) -m hadelect.config.manual docs/configuration.md
	$(PYTHON) -m tests.e2e.fault_page docs/faults.md

unit: dev
	$(PYTHON) -m pytest $(UNIT) --cov --cov-report=term:skip-covered $(PYTEST)
	scripts/core-coverage $(BIN)/coverage
	$(PYTHON) -m pytest tests/sim --numprocesses=auto $(PYTEST)

e2e: dev
	scripts/debian-packages $(DEBIAN) $(SLURM)
	scripts/debian-unpacked $(VENV)/debian prometheus
	$(PYTHON) -m pytest tests/e2e --numprocesses=2 $(PYTEST)

bench: dev
	scripts/debian-packages $(DEBIAN) $(PEERS)
	$(PYTHON) -m tests.bench $(BENCH)

# A full run on a quiet machine, and the page with its tables and pictures: docs/performance.md.
# A missed goal is said there; only a run that cannot measure fails.
performance: dev
	scripts/debian-packages $(DEBIAN) $(PEERS)
	mkdir -p build
	$(PYTHON) -m tests.bench --json build/bench.json $(BENCH) || [ $$? = 1 ]
	$(PYTHON) -m tests.bench.report build/bench.json docs

sim: install
	$(PYTHON) -m hadelect.sim --seeds $(SEEDS)

# Every order of events in a small pool, to the depth that ten minutes allow.
explore: install
	$(PYTHON) -m hadelect.sim.explore --minutes 10

# Real members in bad weather, every core busy, for SOAK seconds; then how it went (-rP).
soak: dev
	scripts/debian-packages $(DEBIAN)
	HADELECT_SOAK=$(SOAK) $(PYTHON) -m pytest tests/e2e/test_weather.py -rP --numprocesses=2 $(PYTEST)

# Simulated bad days until something breaks, or somebody stops it.
sim-soak: install
	$(PYTHON) -m hadelect.sim --seeds 1000000

clean:
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
