# Two commands: `make demo` shows the whole thing running, `make test` proves it. Both set everything up.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3
# pip, apt-get and the checks at once, except on a terminal, where what installs asks first
AT_ONCE := $(if $(shell [ -t 0 ] && echo asks),,-j 2)
unexport PYTHONDONTWRITEBYTECODE  # hundreds of short-lived processes would compile the same files again

.PHONY: help setup packages demo test test-long test-newest check lint types audit screenshots dashboards lock clean

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Heronwatch needs Python 3.11 or newer (PYTHON=python3.12 make …)"; exit 3; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv"; exit 3; }
	@echo "Making $(VENV) from requirements.lock (once; one to three minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: ## .venv with everything and, as root, the Debian packages of the tests
	@$(MAKE) --no-print-directory $(AT_ONCE) $(VENV)/.stamp packages

packages:
	@scripts/debian-packages test

demo: $(VENV)/.stamp ## the whole thing running, with a scripted incident (ARGS="--check --duration 240")
	@scripts/debian-packages demo
	@$(BIN)/python -m demo $(ARGS)

test: ## every check, then every test
	@$(MAKE) --no-print-directory $(AT_ONCE) packages check
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-long: setup ## true outage lengths and soaks
	$(BIN)/python -m pytest -m "long and not newest" -p no:xdist $(ARGS)

test-newest: setup ## against the newest Prometheus, Alertmanager, VictoriaMetrics and snmp_exporter
	$(BIN)/python -m pytest -m newest -p no:xdist $(ARGS)

check: $(VENV)/.stamp lint types audit ## form, types, known vulnerabilities

lint: $(VENV)/.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.stamp
	$(BIN)/mypy

audit: $(VENV)/.stamp
	@$(BIN)/python scripts/audit.py

screenshots: $(VENV)/.stamp ## draws the dashboards into docs/pictures
	@scripts/debian-packages screenshots
	$(BIN)/python -m grafana.preview $(ARGS)

dashboards: $(VENV)/.stamp ## generates grafana/dashboards from grafana/dashboards_src
	$(BIN)/python -m grafana.dashboards_src.generate

lock: ## compiles requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --all-extras --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean: ## removes .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis grafana/preview/node_modules
