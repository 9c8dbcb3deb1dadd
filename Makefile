# Everything a person does with this project; `make help` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# The installer itself, pinned: resolves nothing, only fetches what requirements/ names, hash by hash.
UV := uv==0.13.8

RUN_READY := .venv/.run-ready
DEV_READY := .venv/.dev-ready
# Test processes at once, a file in one of them; `make test WORKERS=0` runs all in this one.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# What benchmarks compare with, apart from all that the project itself uses.
PEERS := .venv/peers
PEERS_READY := $(PEERS)/.ready

.PHONY: help run dev test test-all soak check format clean lock docs bench bench-sim bench-models bench-delivery bench-engine

help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Creating .venv ..."
	@$(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"

$(RUN_READY): requirements/run.txt pyproject.toml | $(BIN)/uv
	@echo "Installing the pinned dependencies (about a minute the first time) ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --requirement requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): requirements/dev.txt $(RUN_READY)
	@echo "Installing the tools for tests and checks ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --requirement requirements/dev.txt
	@touch $@

$(PEERS_READY): requirements/bench.txt | $(BIN)/uv
	@echo "Installing what the benchmark compares with ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --no-deps --require-hashes --requirement requirements/bench.txt
	@touch $@

run: $(RUN_READY) ## simulate a company, run the whole pipeline, deliver to the CRM sandbox
	@$(BIN)/usage-pipeline run

dev: $(RUN_READY) ## Dagster, MLflow and sandbox pages together; Ctrl-C stops all
	@$(BIN)/usage-pipeline dev

test: $(DEV_READY) ## stage tests and seeded samples (minutes)
	@$(PYTEST) -m "not slow"

test-all: $(DEV_READY) ## only what `test` leaves out: browser, third-party clients, kills, whole runs
	@$(PYTEST) -m slow

soak: $(DEV_READY) ## faults at length: 1,000 random schedules and 100 kills (about 40 minutes)
	@SOAK=1 $(BIN)/python -m pytest usage_pipeline_tests/faults usage_pipeline_tests/events/test_events_mutations.py

check: $(DEV_READY) ## format, lint, types, the order of the stages, definitions load
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/dg check defs
	@$(BIN)/dagster definitions validate -w workspace.yaml

format: $(DEV_READY) ## write the code the way `check` wants it
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(DEV_READY) ## print the tables of docs/ from their catalogues
	@$(BIN)/python -m benchmarks.print_docs

bench-sim: $(DEV_READY) ## models on 10 simulated companies of 5,000 accounts (about 20 minutes on two cores)
	@$(BIN)/python -m benchmarks.simulated

bench-models: $(DEV_READY) ## models on the data sets beside the checkout; TRAIN=DIR TEST=DIR trains in one and judges in the other
	@$(BIN)/python -m benchmarks.models $(if $(TRAIN),--train $(TRAIN)) $(if $(TEST),--test $(TEST))

bench-delivery: $(DEV_READY) $(PEERS_READY) ## calls beside drt and simple-salesforce, speed at HubSpot's limit, planning (about 10 minutes)
	@$(BIN)/python -m benchmarks.delivery --peers $(PEERS)

# SCRATCH=/mnt/big keeps its inputs there, FULL=1 adds 100 million events and 100,000 accounts (an hour, 30 GB of scratch).
bench-engine: $(DEV_READY) $(PEERS_READY) ## landing, rollups beside Polars and pandas, a day more, features (about 30 minutes)
	@$(BIN)/python -m benchmarks.engine --peers $(PEERS) $(if $(SCRATCH),--scratch $(SCRATCH)) $(if $(FULL),--full)

bench: bench-sim bench-models bench-delivery bench-engine ## all benchmarks

lock: $(BIN)/uv ## resolve pyproject.toml into requirements/ again
	@$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml requirements/tools.in -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml requirements/tools.in --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group bench -o requirements/bench.txt

clean: ## remove everything a run made (data/) and the environment
	rm -rf .venv data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
