PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= 2

.PHONY: install check format unit test fuzz test-matrix record-matrix docs bench smoke demo clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jhub needs Python 3.11 or later; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# No sockets and no hubs: under a minute.
unit: install
	$(BIN)/python -m pytest -n $(WORKERS) tests/unit

# Each worker has hubs of its own, shared by the files that it is given.
test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Half an hour of hostile requests and files, new ones each time; the figures come at the end.
fuzz: install
	$(BIN)/python -m pytest -s --hypothesis-profile=long tests/hub/test_fuzz_profiles.py

docs: install
	$(BIN)/python docs/make_operations.py

# The tests of tests/matrix on each JupyterHub, in an environment of its own below .matrix; other ones by, for example,
# VERSIONS="2.3.1 3.1.1". The second keeps what the last run found, here, in the README and in docs/signing-in.md.
test-matrix: install
	PYTHONPATH=tests $(BIN)/python -m matrix $(VERSIONS)

record-matrix: install
	PYTHONPATH=tests $(BIN)/python -m matrix --record $(VERSIONS)

# Best on a machine with nothing else to do. QUICK=--quick: fewer rounds, and only what is demanded.
bench: install
	$(BIN)/python -m bench $(QUICK)

# That the benchmarks of fleets run, in seconds; nothing is demanded of their speed.
smoke: install
	$(BIN)/python -m bench.fleet_smoke

demo: install
	$(BIN)/jhub demo

clean:
	rm -rf $(VENV) .matrix
