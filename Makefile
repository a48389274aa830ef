# Sets up .venv on first use; needs python3 >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-faults test-ray lint types contracts lock clean
.DEFAULT_GOAL := demo

demo: .venv/.installed
	@$(BIN)/synapse demo

test: .venv/.installed
	@scripts/install-postgres
	@$(BIN)/python -m pytest -q -n 4 --dist loadgroup

# Hundreds of pipelines, disturbed in every way; SYNAPSE_FAULT_SEEDS says how many of a kind.
test-faults: .venv/.installed
	@scripts/install-postgres
	@SYNAPSE_FAULT_SEEDS=$${SYNAPSE_FAULT_SEEDS:-200} $(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/faults

# On a cluster of its own, in an environment of its own: Ray is an extra.
test-ray:
	@scripts/install $(PYTHON) .venv-ray ray
	@.venv-ray/bin/python -m pytest -q -n 2 --dist loadgroup tests/ray

lint: .venv/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.installed
	@$(BIN)/pyright

contracts: .venv/.installed
	@$(BIN)/lint-imports

# The lock names versions and hashes for Python 3.11 to 3.13, never where they come from.
lock: .venv/.installed
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --group dev pyproject.toml -o requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --extra ray --extra serve --constraint requirements.lock \
		pyproject.toml -o requirements-ray.lock

.venv/.installed: requirements.lock pyproject.toml
	@scripts/install $(PYTHON) .venv
	@touch $@

clean:
	@rm -rf .venv .venv-*
