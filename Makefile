# Everything a contributor does, with nothing installed but Python >= 3.11 and make. `make help` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The first of these that is new enough makes the environment; `make setup PYTHON=python3.13` chooses another.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# uv must take the interpreter it is given and never fetch one.
export UV_PYTHON_DOWNLOADS := never
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --exclude-newer '7 days' --all-extras pyproject.toml

.PHONY: help
help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(READY) ## make .venv from the lock (a second run does nothing)

$(BIN)/python:
	@for python in $(PYTHON); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -m venv $(VENV) && exit 0; \
		rm -rf $(VENV); \
	done; \
	echo "factorsvc needs Python 3.11 or newer with its venv module; tried: $(PYTHON)" >&2; exit 1

# uv comes by pip, out of the same lock as all the rest, and installs that rest in seconds.
$(READY): requirements-dev.lock pyproject.toml | $(BIN)/python
	@awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements-dev.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/uv pip check --quiet --python $(BIN)/python
	@touch $@
