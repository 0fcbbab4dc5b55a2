# demo  environment, install, the shipped scan segmented, results and where they are
# test  the test suite            lint  ruff and mypy            bench  benchmarks/*.py
# pictures  those of the viewer and of a report in README and docs (needs a Chromium on the path)
#
# PYTHON picks the interpreter (3.10 or newer); PIP_ARGS goes to every `pip install`, for example
#   make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"   # no CUDA wheels

PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt $(PIP_ARGS)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench pictures clean

help:
	@echo "make demo | test | lint | bench | pictures | clean"

demo: $(VENV)/.installed
	$(BIN)/avs3d demo --open

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	@for script in benchmarks/*.py; do \
	    echo "== $$script"; $(BIN)/python "$$script" || exit 1; \
	done

pictures: $(VENV)/.installed-dev
	$(BIN)/python docs/pictures.py

clean:
	rm -rf $(VENV) demo-output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "avs3d needs Python 3.10 or newer: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "no 'venv' in $(PYTHON): install python3-venv, or name another: PYTHON=..."; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing avs3d into $(VENV) (the first time this takes some minutes) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing avs3d and its development tools into $(VENV) ..."
	@$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/.installed
