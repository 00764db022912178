# Everything a person does with this repository. `make help` lists it.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
export PYTHONPATH := shared:.
# Hundreds of processes of a test run import the same modules: each would compile them again. No build takes compiled files along.
unexport PYTHONDONTWRITEBYTECODE
export SAM_CLI_TELEMETRY := 0
# What builds and tests needs any region; a deployment takes the one of the shell or of the profile.
test retest test-docker coverage chaos chaos-long fuzz lint build bench: export AWS_DEFAULT_REGION ?= us-east-1
# Variables given as `make run PORT=8080` reach the programs as environment.
export PORT DATA_DIR CYCLE_S URL TOKEN STAGE SECRETS
export ARCHITECTURE ?= arm64
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help run test retest test-docker account-test coverage lint docs lock audit build deploy smoke demo clients export query hash redrive stages bench chaos chaos-long fuzz setup setup-dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile

setup:
	@$(PYTHON) tools/setup.py run

setup-dev:
	@$(PYTHON) tools/setup.py dev

run: setup ## Start the whole system (PORT=3000 DATA_DIR=.local CYCLE_S=60); Ctrl-C stops it
	@exec $(VENV_PYTHON) -m local.run

test: setup-dev ## Set up everything and run every test, in three processes: many wait (ARGS="-k name" for some, WORKERS=0 for one after the other)
	@$(VENV_PYTHON) -m tools.browser
	@$(VENV_PYTHON) -m pytest -m "not long and not docker" -n $(WORKERS) --no-loadscope-reorder $(ARGS)

retest: setup-dev ## Run at most three tests that failed once more, alone: what passes is flaky, and says so
	@$(VENV_PYTHON) -m tools.retest

coverage: setup-dev ## Report which lines and branches the tests of units and of the database run
	@$(VENV_PYTHON) -m pytest tests/unit tests/database -n $(WORKERS) --no-loadscope-reorder --cov --cov-report term:skip-covered $(ARGS)

chaos: setup-dev ## Play every fault on a running system, a row for each (ARGS="--list", "--only database", "--short")
	@$(VENV_PYTHON) -m tests.chaos --results tests/chaos/results.json $(ARGS)

chaos-long: setup-dev ## Run the long tests in full: of the system, hostile rows and texts, 400 simulated days
	@$(VENV_PYTHON) -m pytest tests/chaos tests/hostile tests/unit/test_freshness_simulated.py tests/unit/test_growth.py $(ARGS)

fuzz: setup-dev ## Fuzz every reader of foreign input (ARGS="--minutes 10 --only envelope")
	@$(VENV_PYTHON) -m tests.fuzz $(ARGS)

test-docker: setup-dev ## Run every function under `sam local`; needs a Docker engine (SKIP_PULL_IMAGE=1: images that are there)
	@$(VENV_PYTHON) -m pytest tests/docker $(ARGS)

account-test: setup-dev ## Deploy to the shell's AWS account, check, roll back, delete: STAGE=a-new-name (an hour and a half, under one USD)
	@BUILD_PYTHON="$(CURDIR)/$(VENV_PYTHON)" $(VENV_PYTHON) -m tests.account --stage $(STAGE)

lint: setup-dev ## ruff, mypy --strict, tsc, Biome, sam validate with cfn-lint, generated documents, language
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy shared/callwatch local simulator deploy tools tests bench cli/callwatch_cli
	@cd functions && MYPYPATH=../shared ../$(VENV_PYTHON) -m mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache *.py
	@# With --lint, SAM runs cfn-lint on the template.
	@$(VENV_PYTHON) -m samcli validate --lint
	@$(VENV_PYTHON) -m tools.docs --check
	@$(VENV_PYTHON) -m tools.language
	@$(VENV_PYTHON) -m tools.api_compat
	@$(VENV_PYTHON) -m tools.licenses --check
	@npm --prefix dashboard run --silent check

docs: setup-dev ## Generate the documents that follow from the code
	@$(VENV_PYTHON) -m tools.docs

lock: setup-dev ## Pin all packages anew with their hashes, after a requirements-*.in changed (ARGS=--upgrade for newer ones)
	@$(VENV_PYTHON) -m tools.lock $(ARGS)

build: setup-dev ## Build the SAM bundle into .aws-sam/build (ARCHITECTURE=x86_64 instead of arm64)
	@BUILD_PYTHON="$(CURDIR)/$(VENV_PYTHON)" $(VENV_PYTHON) -m samcli build --parameter-overrides Architecture=$(ARCHITECTURE)

deploy: build ## Deploy to STAGE (default, staging, prod): check the settings, sam deploy, smoke test (ARGS="--help")
	@$(VENV_PYTHON) -m deploy.deploy $(ARGS)

audit: setup-dev ## Look for known vulnerabilities in all packages, Python's and the page's
	@$(VENV_PYTHON) -m tools.audit

smoke: setup ## Check a running system: URL=https://... TOKEN=... (local by default)
	@$(VENV_PYTHON) -m tools.smoke $(if $(URL),--url "$(URL)") $(if $(TOKEN),--token "$(TOKEN)")

demo: setup ## Play the product on a running system: break things, watch alerts fire and resolve
	@$(VENV_PYTHON) -m simulator.demo $(ARGS)

clients: setup-dev ## Install real clients and compare what they send with what is stored (ARGS=sentry for some)
	@$(VENV_PYTHON) -m tools.clients $(ARGS)

export: setup ## Write errors as JSON lines (ARGS="--help" tells how)
	@$(VENV_PYTHON) -m tools.export $(ARGS)

query: setup-dev ## Answer SQL over errors by DuckDB: of the database, an export or the archive (ARGS="--help" tells how)
	@$(VENV_PYTHON) -m tools.query $(ARGS)

hash: setup ## Print the hash of each user id on stdin, by which DELETE /api/errors?user_hash= erases that user
	@$(VENV_PYTHON) -m tools.hash_user

redrive: setup ## Bring dead letters back into the queue
	@$(VENV_PYTHON) -m tools.redrive $(ARGS)

stages: setup ## Check a stage file against a database: CHECK=file (DATABASE_URL, or that of the running system; ARGS="--help")
	@$(VENV_PYTHON) -m tools.stages $(if $(CHECK),"$(CHECK)") $(ARGS)

bench: setup-dev ## Measure speed and memory as ratios (ARGS=digest for one)
	@$(VENV_PYTHON) -m bench $(ARGS)
