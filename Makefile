# The two commands: `make run` starts the shop, `make test` proves it. Everything else is for those who work on it.
SHELL := /bin/bash
UV ?= $(shell command -v uv || echo .uv/bin/uv)
HAAT := .venv/bin/haat
PYTEST := .venv/bin/pytest
export UV_PROJECT_ENVIRONMENT = .venv
# Byte code is kept whatever the caller's environment says: each worker of the tests would compile all of them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check faults bench clean setup snapshots format

run: setup
	@exec $(HAAT) run

# HAAT_FUZZ=200 make test asks each call of the API two hundred times in each way instead of twenty.
test: setup chromium stripe-mock
	@tests/run-all

check: setup
	@.venv/bin/ruff format --check -q . && .venv/bin/ruff check -q .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTEST) -n 2 -m "not slow"

# The full experiments on money and stock: for hours, resumable, one JSON line each in artefacts/faults.jsonl.
# make faults ONLY=T-CRASH HOURS=2 does a part of them; PART=1/4 to PART=4/4, at once, share them.
faults: setup
	@.venv/bin/python -m tests.faults --only "$(ONLY)" --part $(or $(PART),1/1) --hours $(or $(HOURS),1000)

bench: setup
	@$(HAAT) bench

snapshots: setup
	@$(PYTEST) tests/walls/test_snapshots.py --renew

format: setup
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

clean:
	rm -rf .venv .uv .go node_modules .haat .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache artefacts

# Python packages from the lock with hashes, front-end files from their lock; nothing to do when both are in place.
setup: .venv/ready node_modules/ready

.venv/ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || deploy/install-uv
	@$(UV) sync --locked -q --python "$$(deploy/choose-python)"
	@touch .venv/ready

node_modules/ready: package-lock.json
	@deploy/install-front-end
	@touch node_modules/ready

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || deploy/install-chromium

.PHONY: stripe-mock
stripe-mock:
	@test -x .go/bin/stripe-mock || deploy/install-stripe-mock
