# make run         install, run the default experiment (CONFIG=…), print the path of the report
# make reference   the same with the published tables of reference/; nothing is trained
# make atlas       reproduce published scaling laws from their tables, and rewrite docs/reference/atlas.md
# make report      rewrite the report of CONFIG
# make provenance  Snakemake's report: every job with its parameters and software
# make docs        build the documentation site, in build/site
# make test        install, run the tests (one of them builds the site)
# make quick       the fast tests, in about a minute; the others are marked `slow`
# make lint        style and types
PYTHON ?= python3
CONFIG ?= config.yaml
BIN := .venv/bin

# The shell reads CONFIG from the environment, so that any file name is safe.
export CONFIG

# The workflow's shell commands and child processes use this environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Byte code is kept even if the environment disables it: a run and the tests start many processes, and each would compile
# the package again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run reference atlas report provenance docs test quick lint format lock clean

run: .venv/installed
	@relscale run "$$CONFIG"

reference:
	@$(MAKE) --no-print-directory run CONFIG=experiments/reference.yaml

atlas: .venv/installed
	@relscale atlas --page docs/reference/atlas.md

report: .venv/installed
	@relscale report "$$CONFIG"

provenance: .venv/installed
	@relscale report --provenance "$$CONFIG"

docs: .venv/installed
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet && echo "documentation: build/site/index.html"

CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# One thread per process: threads of several processes would wait for one another.
PYTEST := OMP_NUM_THREADS=1 pytest --maxprocesses 5 --dist loadscope --no-loadscope-reorder

# One process more than cores, because some tests wait (for Slurm, for a process to end) while others compute.
test: .venv/installed
	@python -m compileall -q src benchmarks
	@$(PYTEST) --numprocesses $(shell expr $(CORES) + 1)

quick: .venv/installed
	@$(PYTEST) --numprocesses $(CORES) -m "not slow"

lint: .venv/installed
	ruff check . && ruff format --check . && mypy

format: .venv/installed
	ruff check --fix . ; ruff format .

.venv/installed: envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "relscale needs Python 3.11 or newer; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --requirement envs/requirements.lock
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Resolve the version ranges of pyproject.toml in an empty environment.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --quiet torch==2.13.0
	build/lock/bin/pip install --quiet --quiet '.[all,corpus,develop]'
	{ sed -n '/^#/p' envs/requirements.lock; build/lock/bin/pip freeze --all --exclude relscale --exclude pip | sed 's/+cpu$$//'; } > build/requirements.lock
	mv build/requirements.lock envs/requirements.lock

clean:
	rm -rf results/*/ .snakemake
