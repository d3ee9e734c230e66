# Needs Python 3.11 or newer, git and make; everything else comes from PyPI and Maven Central.
PYTHON ?= python3
VENV   := .venv
UV     := $(VENV)/bin/uv
RUN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench results results-scale pictures up clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("stream_guard needs Python 3.11 or newer, this is %d.%d: set PYTHON=" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet 'uv>=0.5,<1'

$(VENV)/.user: $(UV) pyproject.toml uv.lock
	$(UV) sync --quiet --frozen --inexact --no-dev
	@touch $@

$(VENV)/.dev: $(UV) pyproject.toml uv.lock
	$(UV) sync --quiet --frozen --inexact
	@touch $@ $(VENV)/.user

setup: $(VENV)/.dev ## install everything for development into .venv

demo: $(VENV)/.user ## real traffic through the whole program, in one terminal (STAY=1 to stay)
	$(RUN)/stream-guard demo $(if $(STAY),--stay)

test: $(VENV)/.dev ## all tests, on a real Kafka and a real Valkey
	$(RUN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## format, lint, types, architecture
	$(RUN)/ruff format --check stream_guard tests
	$(RUN)/ruff check stream_guard tests
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: $(VENV)/.dev ## the benchmarks of docs/performance.md
	$(RUN)/python -m tests.benchmarks

results: $(VENV)/.dev ## the tables of docs/results.md (ARGS="--seeds 3" for more); plots in var/results.html
	$(RUN)/python -m stream_guard.cli.results docs/results.md --html var/results.html --json var/results.json $(ARGS)

results-scale: $(VENV)/.dev ## the table of sizes in docs/results.md: 5,000 to 1,000,000 honest accounts (ARGS="--accounts 5000")
	$(RUN)/python -m stream_guard.cli.results_scale docs/results.md $(ARGS)

pictures: $(VENV)/.dev ## the pictures in docs/images: a real run in Chromium and in a terminal, and calibration
	STREAM_GUARD_PICTURES=docs/images $(RUN)/python -m pytest -q tests/browser -k pictures
	$(RUN)/python -m tests.benchmarks.calibration

up: $(VENV)/.user ## Kafka, Valkey and a worker on this machine, without Docker (SAMPLE=1 to send the sample first)
	$(RUN)/python -m stream_guard.embedded $(if $(SAMPLE),--sample)

clean: ## remove what was made, save .venv
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
