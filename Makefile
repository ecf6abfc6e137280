# Each target makes its own virtual environment on a fresh machine.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
# Empty: tests that need the benchmark tables skip, and say so.
export ZC_PLUGINS_DATA ?=
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint docs bench
.DEFAULT_GOAL := test

# torch comes first: left to itself, pip would choose the newest, with gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(RUN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(RUN)/python examples/optuna_images.py

test: $(VENV)/.installed
	$(RUN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

docs: $(VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(RUN)/python -m mkdocs build --strict

bench: $(VENV)/.installed
	$(RUN)/python -m benchmarks.speed --json
	$(RUN)/python -m benchmarks.correlation --architectures 1000 --json
	$(RUN)/python -m benchmarks.useful
	$(RUN)/python -m benchmarks.harmless --seeds 50 --ways sampler pruner
	$(RUN)/python -m benchmarks.prior
	$(RUN)/python -m benchmarks.choose
	$(RUN)/python -m benchmarks.every_proxy
	$(RUN)/python -m benchmarks.nni_search
	$(RUN)/python -m benchmarks.search_latency
	$(RUN)/python -m benchmarks.search_speed --steps --json
	$(RUN)/python -m benchmarks.search_speed --throughput --json
	$(RUN)/python -m benchmarks.search_quality
	$(RUN)/python -m benchmarks.search --problems nasbench201-cifar10 --methods random tpe tpe+sampler
	$(RUN)/python -m benchmarks.real_training
	$(RUN)/python -m benchmarks.predictors
	$(RUN)/python -m benchmarks.scale throughput
	$(RUN)/python -m benchmarks.scale pools
	$(RUN)/python -m benchmarks.scale studies
	$(RUN)/python -m benchmarks.evolve
