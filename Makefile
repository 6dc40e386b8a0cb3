# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ROOMS  := crypto ledger model runtime holder node registrar coordinator ceremony reviewer desk simulations
STAMP  := $(VENV)/.installed-$(shell cksum requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)

.PHONY: help setup demo test integration soak check bench peers proto messages lock clean

help:            ## this list
	@grep -hE '^[a-z]+: .*##|^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup: $(STAMP)  ## virtual environment, locked dependencies, the package

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) simulations/setup.py $(VENV)
	@rm -f $(VENV)/.installed-* && touch $@

demo: setup      ## a whole federation on this machine, six households, all ledgers audited
	$(BIN)/python -m simulations.demo

test: setup      ## the tests that need no server and no long run: under ten minutes on 2 cores
	$(BIN)/python -m pytest

integration: setup ## whole runs: PostgreSQL, kills, upgrades, the tour, the pages' commands
	$(BIN)/python -m pytest tests/integration

soak: setup      ## long runs by hand; adds its rows to docs/soak.md
	$(BIN)/python -m simulations.soak

check: setup     ## format, lint, types, layering, duplicates, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pylint $(ROOMS)
	$(BIN)/python simulations/generate.py --check
	$(BIN)/python -m simulations.catalogue --check

bench: setup     ## benchmarks, as ratios against peers and baselines of the same run
	$(BIN)/python -m pytest -o addopts= --import-mode=importlib tests/bench --benchmark-only

peers:           ## public packages to measure against, each in an environment of its own
	$(PYTHON) simulations/peers.py .peers

proto: setup     ## generate proto/python from proto/hedui/v1
	$(BIN)/python simulations/generate.py

messages: setup  ## collect messages, renew and compile model/locale
	$(BIN)/python -m simulations.catalogue

lock:            ## renew requirements.lock (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean:           ## remove what demo, tests and tools wrote
	rm -rf demo-home sample-home tour .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
