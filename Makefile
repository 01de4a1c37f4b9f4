# The commands of the README. `make demo` and `make test` set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ANLIAN := $(BIN)/python -m gateway

.PHONY: demo test check bench fuzz world coverage mutations clean

$(VENV)/.demo: pyproject.toml deploy/set-up.sh
	@sh deploy/set-up.sh demo $(PYTHON) $(VENV)

$(VENV)/.test: pyproject.toml deploy/set-up.sh
	@sh deploy/set-up.sh test $(PYTHON) $(VENV)

demo: $(VENV)/.demo                  ## a virtual home, its broker, the gateway and the console, on this machine only
	@exec $(BIN)/python -m gateway demo $(DEMO)

test: $(VENV)/.test                  ## everything, with real servers and a real browser
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not timed" $(TESTS)
	$(BIN)/python -m pytest -m browser $(TESTS)

check: $(VENV)/.demo                 ## the example configuration: faults, warnings, scenarios
	$(ANLIAN) check $(or $(FILE),deploy/example.toml)

bench: $(VENV)/.test                 ## ratios to the limit of this machine, measured in the same run
	$(BIN)/python -m pytest -m timed
	$(BIN)/python -m tests.bench $(BENCH)

fuzz: $(VENV)/.test                  ## a million damaged packets
	$(BIN)/python -m tests.fuzz_codecs --packets 1000000

world: $(VENV)/.test                 ## simulated homes with faults, from seeds
	$(BIN)/python -m tests.world.run --seeds $(or $(SEEDS),1000)
	$(BIN)/python -m tests.world.run --gateway --seeds $(or $(GATEWAYS),100)

coverage: $(VENV)/.test              ## the lines and branches of rules/ that no test reaches
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not timed" --cov=rules --cov-branch \
	  --cov-report=term-missing:skip-covered --cov-fail-under=$(or $(COVERAGE),99) tests/unit tests/world

mutations: $(VENV)/.test              ## planted faults of the engine: does a test see each of them?
	$(BIN)/python -m tests.mutations.run $(MUTATIONS)

clean:
	rm -rf $(VENV) build *.egg-info
