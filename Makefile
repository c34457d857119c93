# make demo   builds the environment, runs the first tutorial, prints its record
# make test   everything
# make check  format, lint, types, import contracts, fast tests
# make fuzz   fuzzes what reads texts and archives, FUZZ_SECONDS for each target
# make lab    JupyterLab in the notebooks
# make docs   the documentation's site, in build/site
# make labextension   builds dockmagic/labextension anew (wants node; nothing else here does)
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the tests want of the system; dockmagic itself wants none of it.
SYSTEM := python3-venv procps uidmap mmdebstrap busybox-static strace bubblewrap proot crun runc podman skopeo umoci docker-registry apache2-utils \
  openssl openssh-server chromium fonts-noto-cjk passt slirp4netns pandoc poppler-utils

.PHONY: demo test check fuzz lab docs labextension system system-least clean format

demo: $(VENV)/ready
	$(BIN)/python notebooks/run.py notebooks/01-image-and-container.ipynb

test: system $(VENV)/ready $(if $(shell command -v node),labextension/node_modules/.ready)
	$(BIN)/python -m pytest tests

check: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/unit -m "not slow" -q

FUZZ_SECONDS ?= 300
fuzz: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --group fuzz
	for target in dockerfile ignore tar documents; do \
	  $(BIN)/python -m tests.fuzz $$target --seconds $(FUZZ_SECONDS) --findings build/findings/$$target; done

lab: $(VENV)/ready
	$(BIN)/python -m jupyterlab notebooks

docs: $(VENV)/ready
	$(BIN)/python -m sphinx -q -W --keep-going -c docs . build/site

labextension: labextension/node_modules/.ready
	cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm build
	$(BIN)/python -m pip install --quiet --no-deps --editable .  # JupyterLab takes the copy that pip makes

# Without a way to the registry the tests that need it say so and are skipped.
labextension/node_modules/.ready: labextension/yarn.lock | $(VENV)/ready
	cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm install --immutable && touch node_modules/.ready || \
	  echo "jlpm install failed, so the tests of labextension/ are skipped"

format: $(VENV)/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/ready: pyproject.toml | system-least
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[fast]" --group test --group check --group docs
	touch $@

# Debian keeps the venv module in a package of its own, and its images for containers have no ps, which localhost/base takes.
system-least:
	@{ $(PYTHON) -c 'import ensurepip, venv' && command -v ps >/dev/null; } 2>/dev/null || \
	  $(MAKE) --no-print-directory system SYSTEM="python3 python3-venv procps"

system:
	@missing=""; for p in $(SYSTEM); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "not installed, and wanted here:$$missing"; fi

clean:
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
