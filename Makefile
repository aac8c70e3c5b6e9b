# All commands of this repository; `make help` lists them. They run in .venv, which the first of them makes.
# Works with the make 3.81 of macOS.

VENV := .venv
BIN := $(VENV)/bin
IMAGE := shipmate
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
EXAMPLES := $(dir $(wildcard examples/*/component.json))
# Code whose types are checked; the tests are left out.
TYPED := lib $(filter-out tests/ bench/ examples/,$(sort $(dir $(wildcard */*.py)))) $(wildcard *.py)

# A module stays on one worker, for its fixtures; each worker has its own broker. tests/conftest.py orders the modules.
IN_PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: demo test coverage lint format types layers check bench package audit image image-test base-image docs help clean

demo: $(RUNTIME)  ## See the main job: an expired token, 401, refresh, updateKeys, retry, data
	@$(BIN)/python scripts/demo.py

# Byte code is kept, even where the environment forbids it, since the tests start hundreds of processes.
PYTEST := PYTHONDONTWRITEBYTECODE= SHIPMATE_REQUIRE_BROKER=1 $(BIN)/python -m pytest $(IN_PARALLEL) --durations=25

test: $(DEVELOPMENT)  ## Run all tests
	@scripts/broker.sh
	@scripts/browser.sh
	$(PYTEST) $(PYTEST_ARGS)

coverage: $(DEVELOPMENT)  ## Run all tests, and check how much of the runtime they cover; takes half as long again
	@scripts/broker.sh
	@scripts/browser.sh
	@scripts/promtool.sh
	@rm -f .coverage .coverage.*
	$(PYTEST) --cov --cov-report=term $(PYTEST_ARGS)

lint: $(DEVELOPMENT)  ## Check style, format, and that no pattern costs more than linear time
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/check_patterns.py lib/shipmate

format: $(DEVELOPMENT)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEVELOPMENT)  ## Check the types of the runtime and of the components
	$(BIN)/mypy $(TYPED)
	@# One by one, since their modules have equal names.
	@set -e; for each in $(EXAMPLES); do \
		echo "mypy in $$each"; \
		MYPYPATH=$$each $(BIN)/mypy $$(find $$each -name '*.py' -not -path '*/tests/*'); \
	done

layers: $(DEVELOPMENT)  ## Check that modules import only from lower layers
	$(BIN)/lint-imports --no-cache

check: lint types layers test  ## Run all checks and tests

bench: $(DEVELOPMENT)  ## Compare the container with other runtimes; QUICK=1 takes 3 minutes instead of 12
	$(BIN)/python -m bench run $(if $(QUICK),--quick) $(BENCH_ARGS)

package: $(RUNTIME)  ## Build the sdist and the wheel, and try the wheel in a new environment
	@scripts/package.sh $(VENV)

audit: $(RUNTIME)  ## Look for known vulnerabilities in the pinned packages; skipped where no index answers
	@$(BIN)/python scripts/audit.py $(AUDIT_ARGS)

image:  ## Build the container image, with docker or buildah; BASE_IMAGE names another base
	@scripts/image.sh $(IMAGE)

image-test: $(DEVELOPMENT)  ## Send messages through the built image, over both transports
	@$(BIN)/python scripts/image_test.py $(IMAGE)

base-image:  ## Make a base image from Debian packages, without an image registry
	@scripts/base-image.sh

docs: $(RUNTIME)  ## Bring the descriptions of the components up to date with what their component.json says
	$(BIN)/shipmate docs --output docs/reference/rest-component.md
	@set -e; for each in $(EXAMPLES); do \
		$(BIN)/shipmate docs --component $$each --output $${each}README.md; \
	done

clean:  ## Remove .venv and all files that tools have written
	rm -rf $(VENV) build dist lib/*.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache

help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUNTIME): requirements.txt pyproject.toml scripts/bootstrap.sh
	@scripts/bootstrap.sh $(VENV) requirements.txt
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	@scripts/bootstrap.sh $(VENV) requirements-dev.txt
	@touch $@
