# What a person types: `make run` (a running server), `make test`, `make check`, `make install` (a real server).
#
# Python packages come from the locks alone, each with its hash; nothing of ours is built, so nothing unpinned
# is fetched. The rooms are found by one line in a .pth file of the environment.

PYTHON ?= python3
VENV := .venv
PREFIX ?= /opt/kwcmaild
SUDO := $(shell [ "$$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null && echo sudo -n; })
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

ROOMS := kwcmaild web smtp imap pop3 filters storage net config

# Debian packages that the tests talk to; where one is missing its tests are skipped by name.
CLIENTS := swaks haproxy libnet-ssleay-perl libmail-dkim-perl curl msmtp isync fetchmail getmail6 offlineimap3 neomutt thunderbird systemd rsync vim iproute2 chromium php-cgi roundcube-core roundcube-sqlite3

# Programs of tests/neighbours and tests/engines. As packages some of them conflict, and servers would start on this
# machine: they are unpacked into $(VENV)/neighbours, without any of their scripts.
NEIGHBOURS := postfix/postfix exim4/exim4-daemon-light nsd/nsd unbound/unbound clamd/clamav-daemon spamd/spamd \
  rspamd/rspamd

.PHONY: neighbours bench crash fuzz soak run test check format docs lock install debian-packages help

help:
	@echo "make run      a server on this machine with made-up accounts, in ./demo"
	@echo "make test     installs what the tests need and runs them"
	@echo "make crash    kills the server $(ROUNDS) times and looks whether anything was lost"
	@echo "make fuzz     attacks every parser and the doors for longer"
	@echo "make soak     mixed load for $(MINUTES) minutes: is what each process holds flat?"
	@echo "make bench    Postfix with Dovecot and kwcmaild under the same load (benchmarks/README.md)"
	@echo "make check    formatter, linter, strict types, generated pages"
	@echo "make install  to $(PREFIX), with systemd units (docs/installing.md)"

run: $(VENV)/.runtime
	@$(VENV)/bin/kwcmaild demo

# As many processes as there are cores (JOBS=0: one, and its output as it comes); tests of a file stay together, and
# the files that take longest come first (tests/conftest.py).
JOBS ?= auto
test: $(VENV)/.dev $(VENV)/.suites debian-packages neighbours
	@$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# Every parser for a minute each (SECONDS=600 for longer), and ten thousand connections. With atheris where it is
# installed (`.venv/bin/pip install atheris`), else with hypothesis.
SECONDS ?= 60
fuzz: $(VENV)/.dev
	@$(VENV)/bin/python -m tests.fuzz.run --seconds $(SECONDS)
	@KWCMAILD_CONNECTIONS=10000 $(VENV)/bin/python -m pytest tests/attacks

# BENCH="--rows deliver --runs 1" for less; Postfix, loop mounts and control groups need root.
bench: $(VENV)/.runtime
	@$(SUDO) $(VENV)/bin/python -m benchmarks --install $(BENCH)

check: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/kwcmaild config reference | diff -u docs/reference.md -
	$(VENV)/bin/kwcmaild config example | diff -u docs/kwcmaild.example.yaml -

# Hours: every crash point with every state of the index, and SIGKILL under load so many times (docs/reliability.md).
ROUNDS ?= 500
crash: $(VENV)/.dev
	KWCMAILD_CRASH_ROUNDS=$(ROUNDS) $(VENV)/bin/python -m pytest -v -s tests/crash

# Memory and descriptors of each process under mixed load; flat or not by a fitted line (tests/soak/watch.py).
MINUTES ?= 30
soak: $(VENV)/.dev
	@$(VENV)/bin/python -m tests.soak.run --minutes $(MINUTES)

format: $(VENV)/.dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

docs: $(VENV)/.runtime
	$(VENV)/bin/kwcmaild config reference > docs/reference.md
	$(VENV)/bin/kwcmaild config example > docs/kwcmaild.example.yaml

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "kwcmaild needs Python 3.11 or newer, and $(PYTHON) is older or missing: make run PYTHON=/path/to/python3.11"; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory python3-venv
	@echo "Making the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# Debian's python3 comes without venv and pip.
.PHONY: python3-venv
python3-venv:
	@if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
	  echo "Installing Debian's python3-venv ..."; \
	  $(SUDO) apt-get install -y -qq --no-install-recommends python3-venv >/dev/null 2>&1 \
	  || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; }; \
	else \
	  echo "Python's venv module is missing. Type this, then make again:"; \
	  echo "  sudo apt-get install -y python3-venv"; \
	  exit 1; \
	fi

# `bin/kwcmaild` keeps the working folder out of Python's path (-P): a file named like a room cannot slip in.
$(VENV)/bin/kwcmaild: $(VENV)/bin/python Makefile
	@echo "$(CURDIR)" > "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/kwcmaild.pth"
	@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$(readlink -f "$$0")")/python" -P -m kwcmaild "$$@"' > $@
	@chmod 755 $@

# dkimpy and pyspf come as sources only: what builds them is locked too, and nothing else is fetched for it.
$(VENV)/.build: requirements-build.lock $(VENV)/bin/kwcmaild
	@$(PIP) install --require-hashes -r requirements-build.lock
	@touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.build
	@echo "Installing the locked packages ..."
	@$(PIP) install --no-build-isolation --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.build
	@echo "Installing the locked packages of the tests ..."
	@$(PIP) install --no-build-isolation --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

# Others' test suites in their source distributions (tests/suites.py); without them some tests are skipped.
SUITES := pyspf dkimpy
$(VENV)/.suites: requirements.lock $(VENV)/.dev
	@mkdir -p $(VENV)/suites
	@$(PIP) download --no-deps --no-binary :all: --no-build-isolation --dest $(VENV)/suites \
	  $$(for name in $(SUITES); do sed -n "s/^\($$name==[^ ]*\).*/\1/p" requirements.lock; done) || true
	@$(MAKE) --no-print-directory debian-suites || true
	@touch $@

# Of Debian's source packages; with lists of our own, so that neither root nor a change of /etc/apt is needed.
DEBIAN_SUITES := libmail-dkim-perl
APT_OWN = -qq -o Dir::Etc::sourcelist=$$PWD/own.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists=$$PWD/lists \
  -o Dir::Cache=$$PWD/cache -o APT::Sandbox::User=
.PHONY: debian-suites
debian-suites:
	@cd $(VENV)/suites && command -v apt-get >/dev/null || exit 0; \
	mkdir -p lists/partial cache/archives/partial; \
	mirror=$$(apt-get indextargets --format '$$(REPO_URI)' | grep -m 1 '/debian/$$') && \
	printf 'deb-src %s stable main\n' "$$mirror" > own.list && \
	apt-get update $(APT_OWN) && apt-get source $(APT_OWN) --download-only --tar-only $(DEBIAN_SUITES); \
	rm -rf lists cache own.list

debian-packages:
	@missing=; for name in $(CLIENTS); do \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null)" = installed ] || missing="$$missing $$name"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
	  echo "Installing Debian's$$missing ..."; \
	  $(SUDO) apt-get update -qq || true; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
	  || for name in $$missing; do \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$name >/dev/null || true; \
	  done; \
	else \
	  echo "Not installed (their tests are skipped):$$missing"; \
	fi

neighbours: $(VENV)/bin/python
	@folder=$(CURDIR)/$(VENV)/neighbours; missing=; for each in $(NEIGHBOURS); do \
	  PATH="$$PATH:/usr/sbin:$$folder/usr/sbin" command -v $${each%/*} >/dev/null || missing="$$missing $${each#*/}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
	  echo "Unpacking Debian's$$missing ..."; \
	  mkdir -p $$folder/archives/partial; \
	  $(SUDO) apt-get update -qq || true; \
	  for name in $$missing; do \
	    $(SUDO) apt-get install -y -qq --no-install-recommends --download-only -o Dir::Cache::archives=$$folder/archives \
	      -o APT::Sandbox::User=root $$name >/dev/null || true; \
	  done; \
	  for package in $$folder/archives/*.deb; do dpkg-deb -x $$package $$folder || true; done; \
	  [ ! -d $$folder/lib ] || cp -a $$folder/lib/. $$folder/usr/lib/; \
	  $(SUDO) rm -rf $$folder/archives; \
	else \
	  echo "Not unpacked (their tests are skipped):$$missing"; \
	fi

# New pins: delete a lock (or a line in it), then `make lock`. pip-tools itself is not part of the locks.
COMPILE := $(VENV)/bin/python -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
  --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
lock: $(VENV)/bin/python
	@$(PIP) install 'pip-tools>=7.5'
	printf 'setuptools\nwheel\n' | $(COMPILE) -o requirements-build.lock -
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) -c requirements.lock --extra dev -o requirements-dev.lock pyproject.toml

# A copy of the tracked files with an environment of its own, a system user, units and the command in the path.
install:
	@[ "$$(id -u)" = 0 ] || { echo "make install writes to $(PREFIX) and /etc/systemd/system: run it with sudo"; exit 1; }
	@getent passwd kwcmaild >/dev/null || useradd --system --home-dir /var/lib/kwcmaild --shell /usr/sbin/nologin kwcmaild
	@install -d $(PREFIX)
	@cd $(PREFIX) && rm -rf $(ROOMS)
	@cp -R Makefile pyproject.toml requirements-build.lock requirements.lock $(ROOMS) $(PREFIX)/
	@$(MAKE) --no-print-directory -C $(PREFIX) $(VENV)/.runtime
	@$(PREFIX)/$(VENV)/bin/python -m compileall -q $(PREFIX)
	@install -d -o kwcmaild -g kwcmaild -m 0750 /etc/kwcmaild /var/lib/kwcmaild
	@install -d /etc/systemd/system/kwcmaild-.service.d
	@install -m 0644 systemd/kwcmaild-.service.d/common.conf /etc/systemd/system/kwcmaild-.service.d/
	@install -m 0644 systemd/kwcmaild*.service systemd/kwcmaild*.socket systemd/kwcmaild.target /etc/systemd/system/
	@sed -i 's|^ExecStart=/opt/kwcmaild/|ExecStart=$(PREFIX)/|' /etc/systemd/system/kwcmaild-*.service
	@[ ! -d /run/systemd/system ] || systemctl daemon-reload
	@ln -sf $(PREFIX)/$(VENV)/bin/kwcmaild /usr/local/bin/kwcmaild
	@echo "Installed to $(PREFIX). Next: docs/installing.md"
