# All that there is to do here. Everything runs in .venv, which the first target makes.
# Works with the make 3.81 of macOS.

VENV := .venv
BIN := $(VENV)/bin
IMAGE := shipmate
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
EXAMPLES := $(dir $(wildcard examples/*/component.json))
# Code that is held to the types; the tests are not.
TYPED := lib $(filter-out tests/ bench/ examples/,$(sort $(dir $(wildcard */*.py)))) $(wildcard *.py)

# What shares a fixture stays together: each worker has a broker of its own. tests/conftest.py orders the modules.
IN_PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: demo test lint format types layers check bench image image-test base-image docs help clean

demo: $(RUNTIME)  ## See the main job: an expired token, 401, refresh, updateKeys, retry, data
	@$(BIN)/python scripts/demo.py

test: $(DEVELOPMENT)  ## Run all tests, and hold their coverage of the runtime
	@scripts/broker.sh
	@scripts/browser.sh
	@rm -f .coverage .coverage.*
	@# Byte code is kept, also where the environment says otherwise: hundreds of processes start.
	PYTHONDONTWRITEBYTECODE= SHIPMATE_REQUIRE_BROKER=1 \
		$(BIN)/python -m pytest $(IN_PARALLEL) --durations=25 --cov --cov-report=term $(PYTEST_ARGS)

lint: $(DEVELOPMENT)  ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEVELOPMENT)  ## Bring the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEVELOPMENT)  ## Check the types of the runtime and of the components
	$(BIN)/mypy $(TYPED)
	@# One by one: all components have modules of the same names.
	@set -e; for each in $(EXAMPLES); do \
		echo "mypy in $$each"; \
		MYPYPATH=$$each $(BIN)/mypy $$(find $$each -name '*.py' -not -path '*/tests/*'); \
	done

layers: $(DEVELOPMENT)  ## Check that modules import only from layers below their own
	$(BIN)/lint-imports --no-cache

check: lint types layers test  ## All of the above that can fail

bench: $(DEVELOPMENT)  ## Measure the container's message loop against others; QUICK=1 for the short form
	$(BIN)/python -m bench run $(if $(QUICK),--quick) $(BENCH_ARGS)

image:  ## Build the container image, with docker or buildah; BASE_IMAGE names another base
	@scripts/image.sh $(IMAGE)

image-test: $(DEVELOPMENT)  ## Send a message through the built image
	@$(BIN)/python scripts/image_test.py $(IMAGE)

base-image:  ## Make a base image from Debian, for where image registries cannot be reached
	@scripts/base-image.sh

docs: $(RUNTIME)  ## Bring the descriptions of the components up to date with what their component.json says
	$(BIN)/shipmate docs --output docs/reference/rest-component.md
	@set -e; for each in $(EXAMPLES); do \
		$(BIN)/shipmate docs --component $$each --output $${each}README.md; \
	done

clean:  ## Remove .venv and what tools have made
	rm -rf $(VENV) build dist lib/*.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache

help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUNTIME): requirements.txt pyproject.toml scripts/bootstrap.sh
	@scripts/bootstrap.sh $(VENV) requirements.txt
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	@scripts/bootstrap.sh $(VENV) requirements-dev.txt
	@touch $@
