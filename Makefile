# Everything a person does with this repository. `make help` lists it.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
export PYTHONPATH := shared:.
export PYTHONDONTWRITEBYTECODE ?= 1
export SAM_CLI_TELEMETRY := 0
# What builds and tests needs any region; a deployment takes the one of the shell or of the profile.
test test-docker chaos lint build bench: export AWS_DEFAULT_REGION ?= us-east-1
# Variables given as `make run PORT=8080` reach the programs as environment.
export PORT DATA_DIR CYCLE_S URL TOKEN STAGE SECRETS
export ARCHITECTURE ?= arm64
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test test-docker lint docs lock audit build deploy smoke demo export redrive bench chaos setup setup-dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' Makefile

setup:
	@$(PYTHON) local/setup.py run

setup-dev:
	@$(PYTHON) local/setup.py dev

run: setup ## Start the whole system (PORT=3000 DATA_DIR=.local CYCLE_S=60); Ctrl-C stops it
	@exec $(VENV_PYTHON) -m local.run

test: setup-dev ## Set up everything and run every test, in two processes (ARGS="-k name" for some, WORKERS=0 for one after the other)
	@$(VENV_PYTHON) -m local.browser
	@$(VENV_PYTHON) -m pytest -m "not long and not docker" -n $(WORKERS) --no-loadscope-reorder $(ARGS)

chaos: setup-dev ## Run the long faults in full
	@$(VENV_PYTHON) -m pytest tests/chaos $(ARGS)

test-docker: setup-dev ## Run every function under `sam local`; needs a Docker engine (SKIP_PULL_IMAGE=1: images that are there)
	@$(VENV_PYTHON) -m pytest tests/docker $(ARGS)

lint: setup-dev ## ruff, mypy --strict, tsc, cfn-lint, sam validate, documented variables
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy shared/callwatch local tests bench
	@cd functions && MYPYPATH=../shared ../$(VENV_PYTHON) -m mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache *.py
	@$(VENV_PYTHON) .venv/bin/cfn-lint template.yaml
	@$(VENV_PYTHON) -m samcli validate --lint
	@$(VENV_PYTHON) -m local.docs --check
	@$(VENV_PYTHON) -m local.compatibility
	@$(VENV_PYTHON) -m local.licences --check
	@npm --prefix dashboard run --silent check

docs: setup-dev ## Generate the documents that follow from the code
	@$(VENV_PYTHON) -m local.docs

lock: setup-dev ## Pin all packages anew with their hashes, after a requirements-*.in changed (ARGS=--upgrade for newer ones)
	@$(VENV_PYTHON) -m local.lock $(ARGS)

build: setup-dev ## Build the SAM bundle into .aws-sam/build (ARCHITECTURE=x86_64 instead of arm64)
	@BUILD_PYTHON="$(CURDIR)/$(VENV_PYTHON)" $(VENV_PYTHON) -m samcli build --parameter-overrides Architecture=$(ARCHITECTURE)

deploy: build ## Deploy to STAGE (default, staging, prod): stack, migrations, secrets, page, smoke test (ARGS="--help")
	@$(VENV_PYTHON) -m local.deploy $(ARGS)

audit: setup-dev ## Look for known vulnerabilities in all packages, Python's and the page's
	@$(VENV_PYTHON) -m local.audit

smoke: setup ## Check a running system: URL=https://... TOKEN=... (local by default)
	@$(VENV_PYTHON) -m local.smoke $(if $(URL),--url "$(URL)") $(if $(TOKEN),--token "$(TOKEN)")

demo: setup ## Play the product on a running system: break things, watch alerts fire and resolve
	@$(VENV_PYTHON) -m local.demo $(ARGS)

export: setup ## Write errors as JSON lines (ARGS="--help" tells how)
	@$(VENV_PYTHON) -m local.export $(ARGS)

redrive: setup ## Bring dead letters back into the queue
	@$(VENV_PYTHON) -m local.redrive $(ARGS)

bench: setup-dev ## Measure speed and memory as ratios (ARGS=digest for one)
	@$(VENV_PYTHON) -m bench $(ARGS)
