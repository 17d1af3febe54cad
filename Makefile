PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOWEST := .matrix/lowest
WORKERS ?= 2

.PHONY: install lock check lint-workflows format unit test test-lowest coverage dist fuzz test-matrix record-matrix test-upstream record-upstream docs docs-serve images animation bench smoke demo clean

install: $(VENV)/installed

# The versions and hashes of requirements.lock, by uv, whose version is in that file too.
$(VENV)/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jhub needs Python 3.11 or later; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(VENV)/uv.txt
	$(BIN)/uv pip sync --quiet --python $(VENV) --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable .
	@touch $@

# After a change of the requirements in pyproject.toml; UPGRADE=--upgrade takes the newest versions of all packages.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command 'make lock' --all-extras --group dev $(UPGRADE) pyproject.toml --output-file requirements.lock

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(MAKE) lint-workflows

# Also the forms of issues and other settings; nothing is asked of the network.
SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema
lint-workflows: install
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic .github
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.readthedocs .readthedocs.yaml

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# No sockets and no hubs: under a minute.
unit: install
	$(BIN)/python -m pytest -n $(WORKERS) tests/unit

# The unit tests with the lowest versions that pyproject.toml allows, in an environment below .matrix.
test-lowest: install
	$(BIN)/uv venv --quiet --clear $(LOWEST)
	$(BIN)/uv pip sync --quiet --python $(LOWEST) --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(LOWEST) --upgrade --resolution lowest-direct --editable '.[keyring,local,xlsx]'
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) tests/unit

# Each worker has hubs of its own, shared by the files that it is given. IGNORE="tests/unit tests/network" leaves these out.
test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(addprefix --ignore=,$(IGNORE))

# The lines and branches of src/jhub that the tests without a hub run; fails below `fail_under` in pyproject.toml.
# TESTS="tests" for all tests.
TESTS ?= tests/unit tests/network
coverage: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term $(TESTS)

# The sdist and the wheel, in dist: the same bytes from the same commit.
dist: install
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/uv build --no-build-isolation --python $(BIN)/python --out-dir dist

# Half an hour of hostile requests and files, new ones each time; the figures come at the end.
fuzz: install
	$(BIN)/python -m pytest -s --hypothesis-profile=long tests/hub/test_fuzz_profiles.py

# The site, in docs/_build/html, and the pages of docs/reference that are made from the code.
docs: install
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env --quiet --builder html --doctree-dir docs/_build/doctrees docs docs/_build/html
	@echo "docs/_build/html/index.html"

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory docs/_build/html 8400

# The pictures in docs/images, in a Chromium of the system.
images: install
	$(BIN)/python docs/make_images.py

# The moving picture of the README, from a run on a local hub; best on a machine with nothing else to do.
animation: install
	$(BIN)/python docs/make_animation.py

# The tests of tests/matrix on each JupyterHub, in an environment of its own below .matrix; other ones by, for example,
# VERSIONS="2.3.1 3.1.1". The second keeps what the last run found, here, in the README and in docs/how-to/signing-in.md.
test-matrix: install
	PYTHONPATH=tests $(BIN)/python -m matrix $(VERSIONS)

record-matrix: install
	PYTHONPATH=tests $(BIN)/python -m matrix --record $(VERSIONS)

# JupyterHub's own tests, and those of its idle culler, without and with the extension, in an environment below
# .matrix; MODULES="test_pages test_user" for some of them. The second records the differences.
test-upstream: install
	PYTHONPATH=tests $(BIN)/python -m upstream $(MODULES)

record-upstream: install
	PYTHONPATH=tests $(BIN)/python -m upstream --record $(MODULES)

# Best on a machine with nothing else to do. QUICK=--quick: fewer rounds, and only what is demanded.
bench: install
	$(BIN)/python -m bench $(QUICK)

# That the benchmarks of fleets and of state files run, in seconds; nothing is demanded of their speed.
smoke: install
	$(BIN)/python -m bench.fleet_smoke
	$(BIN)/python -m bench.state_smoke

demo: install
	$(BIN)/jhub demo

clean:
	rm -rf $(VENV) .matrix dist
