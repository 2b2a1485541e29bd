# Every command of the project, listed by `make help`. Each sets up what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
AXES   ?=
SEED   ?=
KAFKA_PORT ?= 9092
LOCKED := --quiet --universal --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.PHONY: help setup run run-kafka kafka test test-long soak chaos chaos-short unit check format streams asyncapi client release-schemas bench bench-quick lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit("Drumbeat needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Quix Streams asks for an older pydantic than ours and works with ours: the lock says what is installed.
$(VENV)/.installed-bench: requirements-bench.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

setup: $(VENV)/.installed ## make the virtual environment from the lock

run: setup ## start everything with a demonstration that goes on; Ctrl-C ends it
	@exec $(BIN)/drumbeat up --demonstration --live

run-kafka: setup ## the same with everything going through Kafka (needs Java 17 and Maven)
	@PYTHONPATH=tests exec $(BIN)/python -m support.kafka drumbeat $(KAFKA_PORT)

kafka: setup ## a Kafka broker to try, on KAFKA_PORT=9092; Ctrl-C ends it
	@PYTHONPATH=tests exec $(BIN)/python -m support.kafka broker $(KAFKA_PORT)

test: setup ## the tests, on a real Postgres and a real Kafka, in minutes
	@PYTHONPATH=tests $(BIN)/python -m support.kafka fetch
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long and not soak and not chaos"

test-long: setup ## the tests that take long: everything killed, away, full or refused
	@PYTHONPATH=tests $(BIN)/python -m support.kafka fetch
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "long and not soak and not chaos"

soak: setup ## what takes minutes: outages as long as real ones
	@PYTHONPATH=tests $(BIN)/python -m support.kafka fetch
	$(BIN)/python -m pytest -m soak

chaos: setup ## everything killed and paused for minutes, then judged; SEED=N makes an earlier storm again
	@PYTHONPATH=tests $(BIN)/python -m chaos long $(if $(SEED),--seed $(SEED))

chaos-short: setup ## a short storm, as CI runs it
	@PYTHONPATH=tests $(BIN)/python -m support.kafka fetch
	$(BIN)/python -m pytest -m chaos --capture=no

unit: setup ## the tests that need no server, in seconds
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not postgres and not kafka and not slow and not long and not soak and not chaos"

check: setup ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p drumbeat
	$(BIN)/mypy tests benchmarks tools/streams_contract tools/client_code examples
	$(BIN)/lint-imports --no-cache

format: setup ## rewrite files the way `make check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

streams: setup ## write what streams/ says from the code
	PYTHONPATH=tools $(BIN)/python -m streams_contract

client: setup ## write src/client/generated from the OpenAPI document
	PYTHONPATH=tools $(BIN)/python -m client_code

asyncapi: ## validate streams/asyncapi.yaml with the official parser (needs Node)
	@dev/asyncapi/run

release-schemas: setup ## keep the schemas as released; consumers may rely on them from then on
	PYTHONPATH=tools $(BIN)/python -m streams_contract release

bench: $(VENV)/.installed-bench ## all benchmarks as ratios; AXES="append-1 live" for some
	$(BIN)/python -m benchmarks $(AXES)

bench-quick: $(VENV)/.installed-bench ## the same on less work, in about three minutes
	$(BIN)/python -m benchmarks --quick $(AXES)

lock: ## renew requirements.lock and requirements-bench.lock (needs uv)
	uv pip compile $(LOCKED) --extra kafka --extra dev -o requirements.lock pyproject.toml
	uv pip compile $(LOCKED) --extra bench --override requirements.lock -o requirements-bench.lock pyproject.toml

clean: ## remove the environment and caches; keeps .drumbeat
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
