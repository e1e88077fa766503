# Every word that people and CI use. `make help` lists them.
UV_VERSION := 0.13.8
PYTHON ?= python3
TOOLS := .tools
UV := $(TOOLS)/bin/uv
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help dev test check bench mutation engine deploy clean install lock

help: ## List these words
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

dev: install ## Run everything on this machine: the emulated cloud, the four functions, one address (ARGS="--ports 9100")
	@$(BIN)/fujie dev $(ARGS)

test: check ## Check, then run all tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: install ## Lint, format, types and import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install ## Measure beside peers
	@$(BIN)/python -m benchmarks

mutation: install ## Change the heart of identity in small ways and see that its tests notice (some minutes)
	@$(BIN)/python tests/mutation.py

engine: install ## Build Pulumi's engine from Go modules into your cache (some minutes, once)
	@$(BIN)/python -m infra.engine.build

STACK ?= local
deploy: install ## Apply a stack with Pulumi: make deploy STACK=local|dev|prod
	@$(BIN)/python -m infra.deploy up --stack $(STACK)

clean: ## Remove what was built, installed and remembered here
	@rm -rf $(VENV) $(TOOLS) .fujie .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(INSTALLED)

lock: $(UV) ## Write requirements.lock anew, for all platforms
	@$(UV) pip compile pyproject.toml --extra emulator --extra infra --extra telemetry --group dev --universal \
		--generate-hashes --python-version 3.11 --no-header --quiet --output-file requirements.lock

$(UV):
	@echo "Installing uv into $(TOOLS) (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Fujie needs Python 3.11 or newer: install it, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(TOOLS) \
		|| { echo "Python's venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	@echo "Installing dependencies into $(VENV) (once; after that, only what changed) ..."
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 -x '/(pulumi_alicloud|playwright|debugpy|mypy|hypothesis)/' $(VENV)/lib \
		shared emulator functions infra || true # libraries may carry files for another Python
	@touch $@
