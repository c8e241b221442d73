# make help lists the targets. Needs only Python 3.11+ (with venv) or uv; everything else is set up here.
.DEFAULT_GOAL := help
.PHONY: help run test test-slow soak check lint types floors documents revisions format pins create-db seed flask psql bench bench-polling bench-statements vendor css pictures clean reset cluster test-cluster faults restore-drill mutants audit sbom routes messages texts
SHELL := /bin/sh

BIN := .venv/bin
# written last by the set-up, so an interrupted one is done again
VENV := .venv/.installed
LOCAL := $(BIN)/python -m tools.local
AUDIT := .venv-audit/bin
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
ARGS ?=
# a run starts many programs, and each would compile all modules anew
unexport PYTHONDONTWRITEBYTECODE

help: ## list what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  make flask ARGS="create-user --help"   or   scripts/flask create-user --help'

$(VENV): requirements.txt requirements-traces.txt requirements-dev.txt requirements-local.txt scripts/venv
	@scripts/venv $(BIN) && touch $@

run: $(VENV) ## run everything in this terminal (own PostgreSQL and Redis unless DATABASE_URL / REDIS_URL are set)
	@exec $(LOCAL) run

test: $(VENV) ## run the tests on a real PostgreSQL and Redis; ARGS="-k admission" picks some, ALL=1 adds those of test-slow
	@$(PYTEST) $(if $(ALL),,-m "not slow and not stack") $(ARGS)

test-slow: $(VENV) ## run the tests that play for long: the year's replay, those that start programs and the like
	@$(PYTEST) -m "slow or stack" $(ARGS)

soak: $(VENV) ## play the property tests with ten times as many examples, new ones each time, and without ARGS then make faults
	@HYPOTHESIS_PROFILE=soak $(PYTEST) -m "hypothesis and not slow" $(ARGS)
	@$(if $(ARGS),,$(MAKE) faults)

mutants: $(VENV) ## change rules of money a little and see whether tests notice; ARGS="--sample 100" (hours)
	@test -x .venv-mutants/bin/cosmic-ray || (python3 -m venv .venv-mutants && .venv-mutants/bin/pip install -q -r requirements-mutants.txt)
	@$(BIN)/python scripts/mutants.py --tools .venv-mutants/bin $(ARGS)

pins: $(AUDIT)/.installed ## write requirements*.txt anew from requirements*.in; ARGS="--upgrade-package requests" raises one
	@for list in requirements requirements-traces requirements-local requirements-dev; do \
		constraint=$$(test $$list = requirements || echo "-c requirements.txt"); \
		$(AUDIT)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
			--custom-compile-command "make pins" $$constraint $(ARGS) -o $$list.txt $$list.in || exit 1; \
	done

$(AUDIT)/.installed: requirements-audit.txt
	@python3 -m venv .venv-audit && $(AUDIT)/pip install -q -r $< && touch $@

audit: $(AUDIT)/.installed ## ask whether a pinned package has a known weakness (needs a network)
	@$(AUDIT)/pip-audit --strict --disable-pip --require-hashes -r requirements.txt -r requirements-traces.txt $(ARGS)

sbom: $(AUDIT)/.installed ## write the list of all packages, var/sbom.json, in the form of CycloneDX
	@mkdir -p var && $(AUDIT)/cyclonedx-py requirements requirements.txt --output-reproducible -o var/sbom.json && echo var/sbom.json

routes: $(VENV) ## write down anew who may open which address: docs/security_routes.md
	@$(BIN)/python -m scripts.security_table

check: lint types floors documents revisions texts ## lint, then types, floors, configuration, documentation, migrations and texts: what CI asks before the tests

types: $(VENV)
	$(BIN)/mypy

floors: $(VENV)
	$(BIN)/lint-imports

documents: $(VENV)
	$(BIN)/python scripts/check_config.py
	$(BIN)/python scripts/check_docs.py

texts: $(VENV)
	$(BIN)/python -m scripts.messages check

revisions: $(VENV)
	$(BIN)/python scripts/check_migrations.py

lint: $(VENV) ## ruff (format and rules) and templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djlint templates --lint --quiet

format: $(VENV) ## put the code in shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

create-db: $(VENV) ## create the database if it is missing and bring its tables up to date
	@$(LOCAL) create-db

seed: $(VENV) ## fill in the demo: customers, lines, people, orders
	@$(LOCAL) seed

cluster: $(VENV) ## run many of each: 3 web servers behind HAProxy, 4 workers, PgBouncer, replicas (needs haproxy, pgbouncer)
	@exec $(BIN)/python -m tools.cluster

test-cluster: $(VENV) ## run the end-to-end walk on the cluster
	@CLUSTER=1 $(BIN)/python -m pytest tests/stack/test_walk.py $(ARGS)

faults: $(VENV) ## kill and stop parts of a cluster under load, each fault FAULTS_EACH (20) times, and write docs/reliability.md (hours)
	@FAULTS_EACH=$${FAULTS_EACH:-20} $(BIN)/python -m pytest -s tests/stack/test_faults.py $(ARGS)

restore-drill: $(VENV) ## back up a demo, destroy it, restore and prove it, on servers of its own
	@$(LOCAL) restore-drill

flask: $(VENV) ## run a flask command on the local database: make flask ARGS="db history"
	@$(LOCAL) exec -- $(BIN)/flask $(ARGS)

psql: $(VENV) ## open psql on the local database
	@$(LOCAL) psql $(ARGS)

bench: $(VENV) ## measure pages, admission and bulk jobs beside their floors and write docs/performance.md (20 minutes)
	@$(BIN)/python -m bench $(ARGS)

bench-polling: $(VENV) ## poll 10,000 shipments with two workers and print how long it took; ARGS="--shipments 2000"
	@$(BIN)/python -m bench.polling $(ARGS)

bench-statements: $(VENV) ## import statements of 50,000 entries and print how long each took; ARGS="--rows 5000"
	@$(BIN)/python -m bench.statements $(ARGS)

vendor: $(VENV) ## fetch the pinned front-end files into static/vendor (needs npm)
	@python3 scripts/vendor.py
	@$(BIN)/python -m scripts.subset_fonts
	@$(BIN)/python -m scripts.cut_css

css: $(VENV) ## cut Tabler's style sheet to the classes in use, after a template uses a new one
	@$(BIN)/python -m scripts.cut_css

messages: $(VENV) ## collect the texts to be translated; ARGS="--from hindi.json" takes translations in
	@$(BIN)/python -m scripts.messages $(ARGS)

pictures: $(VENV) ## take the pictures of the README from the demo that `make run` serves
	@$(BIN)/python -m scripts.pictures $(ARGS)

clean: ## remove the virtual environment and caches; the data in var/ stays
	rm -rf .venv .venv-audit .venv-mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset: $(VENV) ## delete the local database and start afresh with the next make run
	@$(LOCAL) reset
