# make demo    install into .venv and run the main job
# make test    install into .venv and run every check
# make quick   install into .venv and run the checks that take little time
# make test-elsewhere   the quick numeric checks as narrower processors would run them, on one thread and two
# make lessons build the lessons as notebooks with their outputs, and open them
# make site    build the site: docs, lessons with their outputs, explorer, reference, both languages, into site/
# make bench   run every benchmark, which takes long, and write benchmarks/results/PROCESSOR/
# make cuda    on a machine with a GPU: check and measure everything there, in eight minutes at most
# make clean   remove .venv and what the checks leave

PYTHON ?= python3
BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: demo test quick test-elsewhere lessons site bench cuda clean
demo: .venv/installed
	$(BIN)/logreg-parity

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) --durations=20

quick: .venv/installed
	$(PYTEST) -m "not slow"

test-elsewhere: .venv/installed
	$(BIN)/python parity_tests/elsewhere.py

bench: .venv/installed
	$(BIN)/logreg-parity bench

# Where nothing can be installed, the Python at hand does it.
cuda:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m benchmarks.cuda

lessons: .venv/installed
	$(BIN)/python lessons/build.py --open

site: .venv/installed
	$(BIN)/python docs/website.py

# pip knows --group from 25.1 on; Python 3.11 comes with an older one.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[test]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
