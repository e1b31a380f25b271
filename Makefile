# Everything a fresh machine needs: `make demo` and `make test`. Python 3.11+ and a registry do.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := .demo

# Tests start Python a thousand times: to compile what it imports each time would double their CPU.
export PYTHONDONTWRITEBYTECODE :=

.DELETE_ON_ERROR:
.PHONY: demo test test-aws fuzz check lint types imports docs wheel fix bench clean

# The main job: render the previews of a video that it makes itself, or of VIDEO=path.
demo: $(VENV)/.package
	@$(BIN)/python demo/demo.py $(if $(VIDEO),--video "$(VIDEO)") --output $(DEMO)/previews

# Every test, several files at a time. PYTEST="-n 0" runs them one after another.
test: $(VENV)/.dev
	@$(BIN)/python tests/players/find_browsers.py
	@$(BIN)/python tests/players/find_players.py
	@$(BIN)/python tests/find_tools.py
	@$(BIN)/python tests/deploy/find_checkers.py
	@$(BIN)/python tests/aws/set_up.py emulator
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)

# The serverless system: built, deployed in an emulated account, and made to fail.
test-aws: $(VENV)/.dev
	@$(BIN)/python tests/aws/run.py $(PYTEST)

# Damaged videos, always the same ones. Those in which something was found are tests.
fuzz: $(VENV)/.dev
	@$(BIN)/python tests/fuzz/fuzz.py --most 500 --seed 8 $(FUZZ)

# All that CI runs, side by side, each step's output kept together; `docs` is one of the tests.
# Each word is a lane: its steps, with commas between them, run one after another. Tests wait for
# other processes now and then, so the other lanes begin with what can use the processors meanwhile.
LANES := test test-aws,fuzz lint,types,imports,wheel

check: $(VENV)/.dev
	@$(BIN)/python tests/check.py --make "$(MAKE)" $(LANES)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/pyright

imports: $(VENV)/.dev
	$(BIN)/lint-imports

# Generated pages are up to date (they are tests as well).
docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py --check

# Build the wheel, install it in a clean environment, and use it there.
wheel: $(VENV)/.dev
	$(BIN)/python tests/try_wheel.py

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python docs/generate.py

# Scrubjay and its rivals, side by side: about half an hour. BENCH=--quick is a look in minutes.
bench: $(VENV)/.dev
	$(BIN)/python bench/run.py $(BENCH)

clean:
	rm -rf $(VENV) $(DEMO) .bench .check .aws deploy/aws/.aws-sam dist

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Scrubjay needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.package: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# uv takes a quarter of pip's time; where it does not find the packages, pip's own settings may.
$(VENV)/.dev: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group dev || \
	  { $(BIN)/python -m pip install --quiet --upgrade pip && \
	    $(BIN)/python -m pip install --quiet --editable . --group dev; }
	@touch $(VENV)/.package $@
