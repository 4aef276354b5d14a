# `make` alone lists what one can do. Everything runs in .venv, made from requirements.lock by the first target that needs it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
STUDY ?=
WATCH ?=
PORT ?= 8080

.DEFAULT_GOAL := help
.PHONY: help env demo data check test test-all lint format analyze calibrate faults bench isuei pictures lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

env: $(READY) ## set up .venv (done once, again when requirements.lock or pyproject.toml changes)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, but {sys.executable} is {v[0]}.{v[1]}: make PYTHON=/path/to/python3")'
	@echo "setting up .venv (a few minutes, several GB, once)"
	rm -f $(READY)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m rarepix.search.nni.install_patch
	touch $(READY)

data: $(READY) ## draw the demo data set into data/demo
	$(BIN)/rarepix demo-data data/demo

demo: data ## run the demo study (8 trials) with NNI, analyse it, say where report and web UI are
	$(BIN)/rarepix study run nni_config.yml --port $(PORT)

analyze: $(READY) ## write the report of a study: make analyze STUDY=name (default: the newest) [WATCH=1]
	$(BIN)/python -m analysis $(STUDY) $(if $(WATCH),--watch)

calibrate: $(READY) ## hold the statistics against their own promises: false claims, power, coverage, times
	$(BIN)/python -m analysis.calibration
	$(BIN)/python -m rarepix.evaluation.gates.calibration

check: $(READY) ## check the demo study, search space and data without starting anything
	$(BIN)/rarepix check nni_config.yml

test: $(READY) ## run the tests: everything but most real studies, in under 5 minutes on two cores
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-all: $(READY) ## run the tests that make test leaves out: real studies, other machines, kills
	$(BIN)/python -m pytest -n 2 --dist loadfile -m full

lint: $(READY) ## check style and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## put the code into the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: $(READY) ## kill everything that can be killed in real studies, five times each, and count what is lost
	$(BIN)/python -m tests.faults.matrix

bench: $(READY) ## measure speed, as ratios within one run
	$(BIN)/python -m bench
	$(BIN)/python -m bench.inventory
	$(BIN)/python -m bench.paste
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.losses
	$(BIN)/python -m bench.pyramids
	$(BIN)/python -m bench.counting
	$(BIN)/python -m bench.presence

isuei: $(READY) ## train the 14 experiments on full-background images for two epochs, on drawn images and on ISUEI_DATA
	$(BIN)/python -m bench.isuei

pictures: $(READY) ## draw the pictures of the documents again
	$(BIN)/python -m docs.pictures

lock: $(READY) ## pin every package again from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header --no-annotate \
		--upgrade --quiet --output-file requirements.lock pyproject.toml

clean: ## remove .venv, demo data and results
	rm -rf .venv data/demo results
