# make demo    install into .venv and run the main job
# make test    install into .venv and run every check
# make lessons build the lessons as notebooks with their outputs, and open them
# make bench   run every benchmark, which takes long, and write benchmarks/results/
# make clean   remove .venv and what the checks leave

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lessons bench clean
demo: .venv/installed
	$(BIN)/logreg-parity

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

bench: .venv/installed
	$(BIN)/logreg-parity bench

lessons: .venv/installed
	$(BIN)/python lessons/build.py --open

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
