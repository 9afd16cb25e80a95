# make demo    install into .venv and run the main job
# make test    install into .venv and run every check
# make clean   remove .venv and what the checks leave

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test clean
demo: .venv/installed
	$(BIN)/logreg-parity

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
