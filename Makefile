# Everything works from a bare checkout: each target first makes what it needs.
export STEWARD_VENV ?= $(CURDIR)/.venv
export PATH := $(abspath $(STEWARD_VENV))/bin:$(PATH)
MAKEFLAGS += --no-print-directory
# Without bytecode, whatever is started takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# Measuring costs the scenarios, which run on a real server, a third more time: too much for CI.
# The others wait for servers a third of their time: three at once keep two processors busy.
# Only a server shows what no recorded history has: who is believed, and the workflows of Schedules.
MEASURED = tests/domain tests/engine tests/replay tests/service tests/server/test_proofs.py \
  tests/server/test_digest.py tests/observability/test_heartbeat.py
# They are on PostgreSQL alone: SQLite has the same desk in tests/server and tests/browser.
IN_PRODUCTION = tests/scenarios

.PHONY: help run test production check format coverage mutants crashes fleet lifecycle bench screenshots setup lock audit sbom environment postgresql browser provider promtool

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12
	@echo 'ARGS=… is passed on to `steward up`, to pytest and to the benchmarks.'

run: environment ## the whole stack, and a job system with a day of samples, until Ctrl-C
	@scripts/run.py $(ARGS)

test: setup check ## static checks, then every test; or those that ARGS name
ifdef ARGS
	@pytest -q -n 2 $(ARGS)
else
	@scripts/coverage.sh $(MEASURED)
	@$(MAKE) production
	@pytest -q -n 3 --dist worksteal $(MEASURED:%=--ignore=%) $(IN_PRODUCTION:%=--ignore=%)
endif

production: environment postgresql ## the scenarios as in production: PostgreSQL, encryption, tokens
	@STEWARD_TESTS=production pytest -q -n 3 --dist worksteal $(IN_PRODUCTION) $(ARGS)

check: environment ## static checks only
	@echo 'check: format, lint, types, imports: a minute or two the first time, silent if all is well'
	@ruff format --check --quiet
	@ruff check --quiet
	@mypy --no-error-summary
	@scripts/imports.sh

format: environment ## let ruff fix and format the code
	@ruff check --fix --quiet
	@ruff format --quiet

coverage: environment ## the tests of rules and stories, and how much of the rules and stories they run
	@scripts/coverage.sh $(MEASURED) $(ARGS)

mutants: environment ## changes to the rules that no test notices; takes ten minutes
	@scripts/mutants.py $(ARGS)

fleet: environment ## 500 jobs: hooks get lost, doubled and late, and then Temporal's data; takes minutes
	@FLEET=500 pytest -q -n 0 tests/scenarios/test_lost_hooks.py tests/scenarios/test_losing_the_engine.py $(ARGS)

crashes: environment ## a death at every place where the world is touched; takes ten minutes
	@CRASHES_PART=all pytest -q -n 2 tests/crash_points $(ARGS)

lifecycle: environment ## the skeleton of a new lifecycle: make lifecycle NAME=warranty-callback
	@python -m scaffold new-lifecycle $(NAME) $(ARGS)

bench: environment ## measure Steward beside the bare engine; writes benchmarks/README.md
	@python -m benchmarks $(ARGS)

screenshots: environment browser ## the pictures of the desk in docs/images, in two minutes
	@scripts/screenshots.py

setup: environment postgresql browser provider promtool ## what running and testing need, from PyPI and Debian

lock: environment ## requirements*.txt from requirements*.in
	@scripts/lock.sh

audit: environment ## known weaknesses of every locked package; asks PyPI, so it is not part of CI
	@pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	  --requirement requirements.txt --requirement requirements-dev.txt $(ARGS)

sbom: environment ## what runs Steward, as a CycloneDX document: build/sbom.json
	@scripts/sbom.sh $(ARGS)

environment:
	@scripts/setup.sh

postgresql:
	@scripts/postgresql.sh

browser:
	@scripts/browser.sh

provider: environment
	@scripts/provider.sh

promtool: environment
	@scripts/promtool.sh
