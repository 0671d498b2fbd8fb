# make help

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PYTHON ?= python3
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Where it is set, each of some thousand runs of Ansible compiles Ansible first.
unexport PYTHONDONTWRITEBYTECODE

# What the lab and the tests run, beside what every Debian or Ubuntu has.
PACKAGES := iproute2 libyang2-tools netconfd nftables openssh-server openssl procps python3 python3-apt python3-venv systemd
# A browser for the customers' page, with a font that has Japanese. Ubuntu's Chromium is no package: there these tests are skipped.
PACKAGES += $(if $(shell grep -x ID=debian /etc/os-release),chromium-headless-shell fonts-ipafont-gothic)

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-rollout test lint sanity unit property test-yang lab-test molecule bench-plan bench-push soak soak-relay clean

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(VENV)/.ready ## Install the missing Debian packages, and make the virtual environment .venv

# .venv/.ready is newer than what it was made from: nothing to do.
$(VENV)/.ready: requirements.txt requirements-dev.txt
	@missing=$$(for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	    echo "setup: installing Debian packages:" $$missing; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@echo "setup: making $(VENV)"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements-dev.txt
	@touch $@

demo: setup ## Close port 25 in the lab, prove it with packets and mail, take it back, say what was proved
	@python3 -m lab.demo

demo-rollout: setup ## March 2019 in the lab: six waves, one after the other, while customers send mail; then back; 7 minutes
	@python3 -m lab.demo_rollout

# Two at a time: more would fill no gap of two processors, and make what has a time limit miss it. The longest begins first.
test: setup ## Everything that CI runs
	@$(MAKE) --no-print-directory -o setup -j 2 -O lab-test molecule-submission_relay lint sanity molecule unit property test-yang

lint: setup ## ansible-lint (production), yamllint, ruff, mypy (strict on the core)
	ruff check .
	mypy -p ansible_collections.ccsnet.op25b.plugins.plugin_utils
	yamllint --strict .
	ansible-lint

sanity: setup ## ansible-test sanity on an installed copy
	.ci/sanity

unit: setup ## Unit tests
	pytest -q -n 2 tests/unit

property: setup ## The laws of the core, and of the kernel, under generated policies and packets
	pytest -q -n 2 -m 'not soak' tests/property

test-yang: unit property ## What these render for Junos, against Juniper's own models in the directory OP25B_YANG
ifdef OP25B_YANG
	pytest -q tests/yang
else
	@echo "test-yang: nothing is validated, as OP25B_YANG names no directory with Juniper's models; download into one, from" \
	    "24.4/24.4R1/native/conf-and-rpcs of https://github.com/Juniper/yang, common/models/junos-common-types@2024-01-01.yang and," \
	    "in junos/conf/models, junos-conf-root@2024-01-01.yang, junos-conf-policy-options@2024-01-01.yang," \
	    "junos-conf-firewall@2024-01-01.yang and junos-conf-interfaces@2024-01-01.yang."
endif

lab-test: setup ## Real packets and real mail in the lab
	pytest -q -n 3 --dist loadgroup -m 'not soak' tests/lab

SCENARIOS := $(or $(SCENARIO),$(notdir $(patsubst %/,%,$(wildcard molecule/*/))))
molecule: $(SCENARIOS:%=molecule-%) ## The scenarios, or one of them: make molecule SCENARIO=linux_edge

molecule-%: setup
	molecule test -s $*

bench-push: setup ## What a push costs beside cisco.ios and netconf_config, in CPU, time and lines; 12 minutes
	python3 -m tests.benchmarks.push

bench-plan: setup ## What a plan costs for 50, 200 and 800 edges, in time, CPU and memory; half an hour
	python3 -m tests.benchmarks.plan

soak: setup ## Long: reloads of 100,000 prefixes under load, without a leak
	pytest -q -s -m soak tests

soak-relay: setup ## Long: 20,000 mails through two relays of which one loses its power, none lost; the relay's rate beside bare Postfix
	@python3 -m tests.benchmarks.relay

clean: ## Remove what was made here: .venv, caches, and the lab
	-[ ! -d /run/op25b-lab ] || $(PYTHON) -m lab down
	rm -rf $(VENV) .cache .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache *.tar.gz
	find . -name __pycache__ -prune -exec rm -rf {} +
