# Stillpoint. `make demo` sets up and runs; `make test` sets up and tests. Both work on a bare Debian or Ubuntu machine.

# The first Python that runs and is new enough (a name alone may be a version manager's empty shim).
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
RUN_EXTRA := $(if $(shell nvidia-smi -L 2>/dev/null),[gpu],)
LIBRARIES := libegl1 libgl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1 \
	libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-render-util0 libxcb-randr0 libxcb-shape0 \
	libxcb-sync1 libxcb-xfixes0 libxcb-xkb1 libwayland-cursor0

.PHONY: demo test check compare clean libraries

demo: .venv/.run libraries
	$(BIN)/stillpoint demo

test: .venv/.test libraries
	$(BIN)/python -m pytest

check: .venv/.test libraries
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest

# MediaPipe as a peer to measure against, in an environment of its own: its wheel brings another build of OpenCV.
compare: .venv-compare/.ready

.venv-compare/.ready: pyproject.toml | .venv/.made
	$(PYTHON) -m venv .venv-compare
	.venv-compare/bin/pip install --quiet mediapipe==1.2.2
	touch $@

.venv/.made:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer was wanted, found $$(python3 --version 2>&1 | head -1). \
		Install it, for example: sudo apt install python3.11 python3.11-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq "$$(basename $(PYTHON))-venv"; \
		else echo "Python's venv module is missing. Paste: sudo apt install $$(basename $(PYTHON))-venv"; exit 1; fi; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: pyproject.toml | .venv/.made
	@echo "Setting up .venv, once; it takes a minute or two, more on a slow line."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(RUN_EXTRA)'
	@touch $@

.venv/.test: pyproject.toml | .venv/.made
	@echo "Setting up .venv with what training and tests need, once; it takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train,dev]'
	@touch $@ .venv/.run

# Qt's system libraries: installed for root, otherwise named in one line to paste.
libraries: | .venv/.made
	@if [ "$$(uname)" = Linux ] && command -v apt-get >/dev/null && ! [ -f .venv/.libraries ]; then \
		missing=$$(for p in $(LIBRARIES); do dpkg -s $$p >/dev/null 2>&1 || dpkg -s $${p}t64 >/dev/null 2>&1 || echo $$p; done); \
		if [ -z "$$missing" ]; then touch .venv/.libraries; \
		elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null && touch .venv/.libraries; \
		else echo "The window needs system libraries. Paste: sudo apt install" $$missing; fi; fi

clean:
	rm -rf .venv .venv-compare out
