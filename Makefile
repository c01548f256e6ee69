# `make run` and `make test` do all the set-up themselves; both are quick the second time.

PYTHON_ENV := .venv/bin/python

.PHONY: help setup run test test-all package check lint types layers format bench shots thumbnails pretrained clean

help:
	@echo "make run         set up and open the window"
	@echo "make test        set up and run the tests, those with a window on a virtual screen"
	@echo "make test-all    the same on every Python from 3.11 to 3.13 that is installed, each in its own environment"
	@echo "make package     a folder that runs without Python (PyInstaller), in dist/"
	@echo "make check       lint, types, layers, no Qt in the core"
	@echo "make format      put the code in form"
	@echo "make bench       measure speed (benchmarks/)"
	@echo "make shots       pictures of the window in its main states (shots/), and those of the README"
	@echo "make thumbnails  the pictures of the gallery of laboratories (assets/thumbnails/)"
	@echo "make pretrained  train the networks in pretrained/ anew"
	@echo "make clean       remove what was made here, .venv included"

setup:
	@tools/setup

run: setup
	@tools/window

# Twice, so that both kinds of stage are met: without OpenGL, then with it. Two processes, each with one thread of
# torch's: more threads than cores stand in each other's way.
test: setup
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(PYTHON_ENV) -m pytest -n 2 -m "not screen"
	tools/screen $(PYTHON_ENV) -m pytest -m screen

test-all:
	tools/test_all

package: setup
	tools/package

# `make -k check` goes on after a failure.
check: lint types layers

lint: setup
	$(PYTHON_ENV) -m ruff check .
	$(PYTHON_ENV) -m ruff format --check .

types: setup
	$(PYTHON_ENV) -m mypy

layers: setup
	.venv/bin/lint-imports
	$(PYTHON_ENV) -m pytest -q tests/test_layers.py

format: setup
	$(PYTHON_ENV) -m ruff check --fix .
	$(PYTHON_ENV) -m ruff format .

bench: setup
	$(PYTHON_ENV) benchmarks/run.py

shots: setup
	tools/screen $(PYTHON_ENV) tools/shots.py
	tools/screen $(PYTHON_ENV) tools/shots.py --readme

thumbnails: setup
	$(PYTHON_ENV) tools/thumbnails.py

pretrained: setup
	$(PYTHON_ENV) main.py pretrain

clean:
	rm -rf .venv .venv-* build dist shots .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
