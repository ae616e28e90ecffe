# Every target works from nothing on a fresh Debian machine (root: Debian packages are installed when missing).
# What is in force: VENV (where everything is installed), SEEDS (make sim), PYTEST (more options for pytest).

VENV ?= .venv
SEEDS ?= 1000
PYTEST ?=
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
PROTOS := $(notdir $(wildcard proto/hadelect/v1/*.proto))
# Everything outside tests/e2e runs in parallel; e2e measures time and owns the machine's two cores.
UNIT := --numprocesses=auto --ignore=tests/e2e --ignore=tests/bench

DEBIAN := iproute2 nftables procps util-linux

.PHONY: install dev demo test check format proto docs unit e2e bench sim soak explore clean

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

# Tables of the manual that come from the code; tests/config proves them current.
docs: dev
	$(PYTHON) -m hadelect.config.manual docs/configuration.md

unit: dev
	$(PYTHON) -m pytest $(UNIT) --cov --cov-report=term:skip-covered $(PYTEST)
	scripts/core-coverage $(BIN)/coverage

e2e: dev
	scripts/debian-packages $(DEBIAN)
	$(PYTHON) -m pytest tests/e2e $(PYTEST)

bench: dev
	$(PYTHON) -m pytest tests/bench --durations=0 $(PYTEST)

sim: install
	$(PYTHON) -m hadelect.sim --seeds $(SEEDS)

# One hour of everything that may go wrong, in virtual time, until something does.
soak: install
	$(PYTHON) -m hadelect.sim --seeds 1000000

explore: install
	$(PYTHON) -m hadelect.sim explore

clean:
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
