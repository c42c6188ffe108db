# Everything here works in .venv, made from the pinned and hashed locks; `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run demo test fuzz bench lock clean ruff imports mypy pyright pytest
MAKEFLAGS += --no-print-directory

newest = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PYTHON ?= $(newest)
BIN := .venv/bin
RUN := .venv/run-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV := .venv/dev-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-6s %s\n' "$$name" "$$text"; done

run: $(RUN) ## Start the whole system; DEMO=1 fills it too, JOBS=file.jsonl with real postings
	@exec $(BIN)/hirelog up $(if $(DEMO),--demo) $(if $(JOBS),--jobs "$(JOBS)")

demo: $(RUN) ## Fill a running system through its HTTP API; JOBS=file.jsonl for real postings, SEED=n
	@exec $(BIN)/hirelog demo $(if $(JOBS),--jobs "$(JOBS)") $(if $(SEED),--seed "$(SEED)")

test: $(DEV) ## Lint, types and every test; ARGS="-k words" for some of the tests
	@$(MAKE) -j2 ruff imports mypy pyright
	@$(MAKE) pytest

fuzz: $(DEV) ## Requests made from the API's description, sent by every role; MINUTES=30 for how long (10)
	@FUZZ_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest --timeout 0 tests/api/test_schema_attack.py

bench: $(DEV) ## Every speed that the README claims; BENCH=append, projections, http, search, relevance (with JOBS=file.jsonl), screening, mail or logins for one of them
	@$(BIN)/python -m benchmarks$(if $(BENCH),.$(BENCH))

lock: ## Make the locks again from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile pyproject.toml --upgrade $(locked) --output-file requirements.lock
	uv pip compile pyproject.toml --upgrade $(locked) --extra dev --output-file requirements-dev.lock

locked = --quiet --universal --python-version 3.11 --extra build --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

clean: ## Remove .venv and caches; data in .hirelog stays
	rm -rf .venv .hypothesis .mypy_cache .ruff_cache .import_linter_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A check is silent unless it finds something.
quietly = @said=$$($(1) 2>&1) || { printf '%s\n' "$$said"; exit 1; }

ruff: $(DEV)
	$(call quietly,$(BIN)/ruff check . && $(BIN)/ruff format --check .)

imports: $(DEV)
	$(call quietly,$(BIN)/lint-imports --no-cache)

mypy: $(DEV)
	$(call quietly,$(BIN)/mypy)

pyright: $(DEV)
	$(call quietly,$(BIN)/basedpyright)

pytest: $(DEV)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

.venv/bin/python:
	@$(if $(PYTHON),:,echo "Hirelog needs Python 3.11 or newer: install it, or set PYTHON=/path/to/python"; exit 1)
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
		"Hirelog needs Python 3.11 or newer, and %s is %d.%d: set PYTHON=/path/to/python" % (sys.executable, v[0], v[1]))'
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "cannot make .venv: install the venv module of $(PYTHON)"; exit 1; }

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
CODE := domain application infrastructure projections api

# Compiled on all cores, and here: where PYTHONDONTWRITEBYTECODE is set, no later start would keep what it compiles.
install = @echo "installing $(1) into .venv" && \
	$(PIP) --require-hashes --only-binary :all: --requirement $(1) && \
	$(PIP) --no-deps --no-build-isolation --editable . && \
	{ $(BIN)/python -m compileall -q -j 0 .venv/lib $(CODE) >/dev/null 2>&1 || :; } && \
	rm -f .venv/run-* .venv/dev-* && touch $(2)

$(RUN): | .venv/bin/python
	$(call install,requirements.lock,$(RUN))

$(DEV): | .venv/bin/python
	$(call install,requirements-dev.lock,$(DEV) $(RUN))
