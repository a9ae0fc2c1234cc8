# Everything the project does, from nothing: `make` alone lists it.
PYTHON ?= python3
WORKERS ?= 1
SECONDS ?= 600
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: chaos chaos-plants hot-code proofs fuzz clients help demo test dev bench bench-reconciliation bench-import bench-export bench-ledger bench-scale bench-crowd check format

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1 - /p' Makefile

demo: .venv/installed ## run refer-a-friend with gift cards from end to end, and check every cent
	@.venv/bin/guerdon demo

dev: .venv/installed ## run everything until Ctrl-C; WORKERS=N starts N workers
	@.venv/bin/guerdon dev --workers $(WORKERS)

test: .venv/installed ## run every test
	@.venv/bin/python -m pytest -n 3 --dist loadfile

bench: .venv/installed ## measure speed as ratios, side by side in one run
	@.venv/bin/python -m bench.speed

bench-reconciliation: .venv/installed ## reconcile a million orders, beside a plain join; ROWS=N
	@.venv/bin/python -m bench.speed.reconciliation --rows $(or $(ROWS),1000000)

bench-import: .venv/installed ## a million customers from CSV beside COPY, killed in the middle; ROWS=N
	@.venv/bin/python -m bench.speed.importing --rows $(or $(ROWS),1000000)

bench-export: .venv/installed ## a million redemptions as CSV: time and memory; ROWS=N
	@.venv/bin/python -m bench.speed.exporting --rows $(or $(ROWS),1000000)

bench-scale: .venv/installed ## every read at a hundredth of the referrals and at all of them; ROWS=N
	@.venv/bin/python -m bench.speed.scale --referrals $(or $(ROWS),1000000)

bench-crowd: .venv/installed ## events beside hundreds of clients that stand still: p95, memory, the loop
	@.venv/bin/python -m bench.speed.crowd

bench-ledger: .venv/installed ## balances and reports at ten million ledger entries; ROWS=N
	@.venv/bin/python -m bench.speed.ledger --rows $(or $(ROWS),10000000)

fuzz: .venv/installed ## odd inputs and made-up requests for every operation of the API; SECONDS=N
	@.venv/bin/python -m bench.proofs.fuzzing --seconds $(SECONDS)

clients: .venv/installed ## run clients in other languages against the stack; needs Node.js
	@.venv/bin/python tests/sdk/clients.py

chaos: .venv/installed ## 1,000 referrals while processes are killed and providers fail; SEED=N
	@.venv/bin/python -m bench.proofs.chaos --seed $(SEED)

chaos-plants: .venv/installed ## plant each bug in turn: chaos must find it
	@.venv/bin/python -m bench.proofs.chaos.plants

hot-code: .venv/installed ## 200 conversions of one code at once: what another campaign feels of it
	@.venv/bin/python -m bench.speed.hot_code

proofs: .venv/installed ## 5,000 schedules of eight processes; every lock taken away in turn
	@GUERDON_SCHEDULES=5000 GUERDON_EXAMPLES=500 .venv/bin/python -m pytest -q tests/proofs \
		tests/store/ledger/test_ledger_property.py

check: .venv/installed ## formatter, linter, type checker, import contracts, migrations
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m cli.migrations check

format: .venv/installed ## let the formatter and the linter mend what they can
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

# The stamp is the last step: an install that was cut short is done again.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11"; exit 1; }
	@echo "First run, step 1 of 2: making .venv"
	@$(PYTHON) -m venv .venv
	@echo "First run, step 2 of 2: installing Guerdon and its servers, about a minute"
	@.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@
