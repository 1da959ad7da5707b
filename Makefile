# `make study` measures this machine; `make test` tests the program. Both set up .venv first.
# Requires Python 3.11 or later, git and make. Choose the interpreter with PYTHON=python3.12, and
# the device for study and restore with PROFILE=titanx.

PYTHON ?= python3
PROFILE ?= cpu
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Tests run alongside other work, so waiting threads must not occupy cores.
# Latency measurements do not use this variable; see docs/explanation/latency.md.
TEST_ENV := OMP_WAIT_POLICY=PASSIVE
# Checks the page's scripts; npm downloads it on first use.
BIOME := npx --yes @biomejs/biome@2.6.8
# Modules that benchmarks use.
BENCH_PARTS := benchmarks/sessions.py benchmarks/injection.py benchmarks/protocol_round.py

.PHONY: study restore env test-env test test-slow test-all lint lint-page prose format docs bench schemas \
  reference cases lock

study: env
	@dnnbench unlock
	snakemake --profile $(PROFILE) --quiet reason
	@dnnbench summary

# After `dvc pull`: mark the results as up to date, so that nothing is measured again.
restore: env
	snakemake --profile $(PROFILE) --touch --forceall --quiet all

env: .venv/installed

test-env: .venv/installed-test

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON): older than Python 3.11. Run: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	pip install --quiet --constraint requirements.lock --editable .
	touch $@

.venv/installed-test: .venv/installed
	pip install --quiet --constraint requirements.lock --editable '.[test,lint]'
	touch $@

test: test-env
	$(TEST_ENV) pytest -m 'not slow' --numprocesses 2 --dist worksteal

test-slow: test-env
	$(TEST_ENV) pytest -m 'slow and not alone' --numprocesses 2 --dist loadscope \
	  --no-loadscope-reorder
	$(TEST_ENV) pytest -m 'slow and alone'

test-all: test test-slow

lint: test-env lint-page
	ruff check
	ruff format --check
	mypy
	snakefmt --check Snakefile workflow/rules
	snakemake --profile cpu --lint
	lint-imports
	python tools/prose.py

lint-page:
	@if command -v npx >/dev/null; then $(BIOME) check --error-on-warnings; \
	elif [ -z "$$CI" ]; then echo "npx: not found. The page's scripts are not checked."; \
	else echo "npx: not found. Install nodejs and npm." >&2; exit 1; fi

# Wording, American spelling, general advice; see tools/phrases.yaml.
prose: test-env
	python tools/prose.py

format: test-env
	ruff check --fix
	ruff format
	snakefmt Snakefile workflow/rules
	@if command -v npx >/dev/null; then $(BIOME) check --write; fi

# The documentation as a site, in site/.
docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "site/index.html"

.venv/installed-docs: .venv/installed
	pip install --quiet --constraint requirements.lock --editable '.[docs]'
	touch $@

# Takes more than an hour on an idle machine. TIMM_BENCHMARK=PATH adds timm's benchmark.py.
bench: test-env
	@for file in $(filter-out $(BENCH_PARTS),$(wildcard benchmarks/*.py)); do \
	  echo "== $$file"; python "$$file"; done

schemas: env
	python -m dnnbench.cli.write_schemas

reference: env
	python -m dnnbench.cli.write_reference

# Expected answers, computed by the package, for the tests of the page's scripts.
cases: test-env
	cd tests && python -m helpers.judging_cases

# Resolves for both architectures without downloading. Requires uv (pip install uv).
lock:
	uv pip compile --universal --python-version 3.11 --extra test --extra lint --extra docs \
	  pyproject.toml --output-file requirements.lock
	$(MAKE) workflow/envs/without-cuda.txt

# The lock for machines with another build of torch: without torch and its CUDA packages.
workflow/envs/without-cuda.txt: requirements.lock
	grep -E '^[a-z]' $< | grep -vE '^(cuda-|nvidia-[^m]|torch|triton)' > $@
