# Every target creates and updates .venv by itself. uv is used when it is installed, else venv and pip.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SBOM := $(VENV)/sbom
INSTALL := $(BIN)/python -m pip --disable-pip-version-check

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## Install everything into .venv

$(STAMP): pyproject.toml Makefile
	@echo "Installing into $(VENV): about a minute" >&2
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --seed --python $(PYTHON) $(VENV); \
	else \
	  $(PYTHON) -m venv $(VENV) || { \
	    echo "This Python has no venv: installing python3-venv"; \
	    apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[twin,service]' --group dev
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: $(STAMP) ## Show simulator and service keep their promises; ONCE=1 ends after the run
	@$(BIN)/micgate demo $(if $(ONCE),--once) $(if $(JSON),--json)

test: $(STAMP) ## Run the test suite: simulator, vendor client, library, commands, pure core, simulation
	@$(BIN)/python -m pytest -m "not service"

test-service: $(STAMP) ## Run the tests of the service: real database, processes, kills
	@$(BIN)/python -m pytest -m service

soak: $(STAMP) ## Simulate two hours a seed until stopped or broken; SOAK="--seed 1 --runs 1000"
	@PYTHONPATH=tests $(BIN)/python -m simulation $(SOAK)

kills: $(STAMP) ## Kill and stop services and databases, 100 rounds; KILLS="--seed 2026 --rounds 10"
	@PYTHONPATH=tests:tests/acceptance:tests/keeper $(BIN)/python -m kills $(KILLS)

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format src tests benchmarks examples docs/*.py
	@$(BIN)/ruff check --fix --quiet src tests benchmarks examples docs/*.py

check: $(STAMP) ## Format, lint, strict types, import directions
	@$(BIN)/ruff format --check src tests benchmarks examples docs/*.py
	@$(BIN)/ruff check src tests benchmarks examples docs/*.py
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/architecture

docs: $(STAMP) ## Write the generated parts of the documents
	@$(BIN)/python docs/generate.py

bench: $(STAMP) ## Measure everything beside what was asked for; BENCH=pace one subject, QUICK=1 a taste
	@$(BIN)/python -m benchmarks $(BENCH) $(if $(QUICK),--quick)

sbom: $(STAMP) $(SBOM)/tool/bin/cyclonedx-py ## List what the service runs with (CycloneDX) into dist/micgate.cdx.json
	@rm -rf $(SBOM)/runtime && mkdir -p dist
	@$(BIN)/python -m venv --without-pip $(SBOM)/runtime
	@$(INSTALL) --python $(SBOM)/runtime/bin/python install --quiet '.[twin,service,telemetry]'
	@sed "s/^dynamic = .*/version = \"$$($(BIN)/python -c 'import micgate; print(micgate.__version__)')\"/" pyproject.toml \
	  > $(SBOM)/pyproject.toml
	@$(SBOM)/tool/bin/cyclonedx-py environment --pyproject $(SBOM)/pyproject.toml --output-reproducible \
	  --output-file dist/micgate.cdx.json $(SBOM)/runtime/bin/python

$(SBOM)/tool/bin/cyclonedx-py: $(STAMP)
	@$(BIN)/python -m venv --without-pip $(SBOM)/tool
	@$(INSTALL) --python $(SBOM)/tool/bin/python install --quiet 'cyclonedx-bom>=7.5,<8'

.PHONY: help setup demo test soak kills format check docs bench sbom test-service
