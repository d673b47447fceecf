HOST ?= 127.0.0.1
PORT ?= 8000
ENGINE ?= cpu
export ENGINE
export PYTHONDONTWRITEBYTECODE = # set to nothing: each start would compile 6,000 modules
BIN := .venv/bin
LOCK := requirements/uv.sh pip compile pyproject.toml requirements/base.in --quiet --no-header \
	--python-version 3.11 --overrides requirements/overrides.txt --extra training --extra loadtests --extra dev

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

serve: $(BIN)/ready-$(ENGINE) ## set up and serve on HOST (127.0.0.1) and PORT (8000)
	$(BIN)/shoplora serve --host $(HOST) --port $(PORT)

test: $(BIN)/ready-$(ENGINE) ## set up and run the tests
	LD_PRELOAD=$$($(BIN)/python -m adapters.preload) $(BIN)/pytest

loadtest: $(BIN)/ready-$(ENGINE) ## send load to the server on HOST and PORT; fails if it is too slow
	$(BIN)/locust --config loadtests/locust.conf --host http://$(HOST):$(PORT)

readme: $(BIN)/ready-$(ENGINE) ## write the answers of the server on HOST and PORT into the README
	$(BIN)/python -m tests.readme http://$(HOST):$(PORT)

check: lint types ## format, lint and types

lint: $(BIN)/ready-$(ENGINE) ## ruff
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(BIN)/ready-$(ENGINE) ## mypy, strict
	$(BIN)/mypy adapters loadtests server training shoplora.py

setup: $(BIN)/ready-$(ENGINE) ## .venv from the pinned requirements; ENGINE=gpu for vLLM on CUDA

lock: ## pin the requirements anew; UPGRADE=--upgrade takes the newest
	$(LOCK) --extra cpu --output-file requirements/cpu.txt $(UPGRADE)
	ENGINE=gpu $(LOCK) --extra gpu --output-file requirements/gpu.txt $(UPGRADE)

clean: ## remove .venv and every cache
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/ready-$(ENGINE): requirements/$(ENGINE).txt requirements/uv.sh pyproject.toml
	requirements/uv.sh pip install --no-deps --requirement $< --editable .
	@rm -f $(BIN)/ready-* && touch $@

.PHONY: help serve test loadtest readme check lint types setup lock clean
