# Everything a fresh machine lacks comes from package registries, into .venv or the cache folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests start hundreds of processes, which need not compile anew what others have compiled.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# One environment; the stamp says which lock it was made from.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 …'; exit 1; }
	@$(PYTHON) -m venv $(VENV)

define install
	@echo 'Installing $(1) into $(VENV) …'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@
endef

$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	$(call install,requirements/demo.txt)

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(call install,requirements/dev.txt)

demo: $(VENV)/demo.stamp ## the main job on this machine alone: edit a file, get a 503, get a 200 again
	@exec $(BIN)/python -m examples.demo.local

# Some processes side by side, each with a control plane of its own; ARGS=-n0 for one alone, as debuggers need it.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --max-worker-restart 0 --no-loadscope-reorder
test: $(VENV)/dev.stamp ## all tests, those on a real API server included (the first run builds it)
	@$(BIN)/python -m tests.controlplane build
	@$(BIN)/python -m tests.node build --if-possible
	@$(BIN)/python -m tests.browser --if-possible
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

unit: $(VENV)/dev.stamp ## the tests that need seconds and no cluster
	@$(BIN)/python -m pytest tests/unit $(SIDE_BY_SIDE) $(ARGS)

browser: $(VENV)/dev.stamp ## the operator's page and the documentation in a real browser, which is fetched at first (70 MB)
	@$(BIN)/python -m tests.browser
	@$(BIN)/python -m pytest tests/browser $(ARGS)

corpus: $(VENV)/dev.stamp ## 100,000 random and hostile manifests: the parser, and the API server beside it
	@$(BIN)/python -m tests.controlplane build
	@CORPUS=100000 $(BIN)/python -m pytest -s tests/unit/test_corpus.py tests/cluster/test_corpus.py $(ARGS)

many: $(VENV)/dev.stamp ## the operator on time beside 5,000 windows (MANY=number)
	@$(BIN)/python -m tests.controlplane build
	@MANY=$${MANY:-5000} $(BIN)/python -m pytest tests/cluster/test_operator_many.py $(ARGS)

simulate: $(VENV)/dev.stamp ## an hour of kills, conflicts, throttling and relists (SIMULATE=seconds)
	@SIMULATE=$${SIMULATE:-3600} $(BIN)/python -m pytest -s tests/unit/test_simulated.py $(ARGS)

servers: $(VENV)/dev.stamp ## the gate behind every kind of server, slow ones started anew for each test
	@ALL_SERVERS=1 $(BIN)/python -m pytest tests/servers $(ARGS)

versions: $(VENV)/dev.stamp ## the tests that depend on FastAPI's inner workings, on four versions of it
	@$(BIN)/python -m tests.versions $(ARGS)

oracle: $(VENV)/dev.stamp ## the calendar beside a walk through local time, twenty years in sixty zones
	@$(BIN)/python -m tests.oracle $(ARGS)

pythons: $(VENV)/dev.stamp ## K8sBackend on each Python that is supported, under every kind of server
	@$(BIN)/python -m tests.controlplane build
	@$(BIN)/python -m tests.pythons $(ARGS)

protocol: $(VENV)/dev.stamp ## whether Drained may ever be wrong: every interleaving of a model, the large ones included
	@PROTOCOL=all $(BIN)/python -m pytest tests/protocol $(ARGS)

drained: $(VENV)/dev.stamp ## the same of the real code on a real API server: a hundred runs in random order
	@$(BIN)/python -m tests.controlplane build
	@DRAINED=100 $(BIN)/python -m pytest -s tests/cluster/test_drained_machine.py $(ARGS)

lint: $(VENV)/dev.stamp ## formatting, rules, types, layers; whether what is made from the code is current
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.make.reference --check

format: $(VENV)/dev.stamp ## let ruff mend what it can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

crds: $(VENV)/dev.stamp ## make the CRD of ClusterMaintenanceWindow, and the chart's copies, after a change of the other's
	@$(BIN)/python crds/generate.py

docs: $(VENV)/dev.stamp ## the documentation as a site, in dist/site; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build && echo 'Open dist/site/index.html; to search in it: python3 -m http.server --directory dist/site'

links: $(VENV)/dev.stamp ## the same, asking each site that is linked to whether the page is there still
	@CHECK_LINKS=true NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

reference: $(VENV)/dev.stamp ## make docs/reference anew, after a change of what it is made from
	@$(BIN)/python -m docs.make.reference

chart-docs: $(VENV)/dev.stamp ## the chart's versions, and its README's table, after a change of what they are made of
	@$(BIN)/python charts/generate.py

snapshots: $(VENV)/dev.stamp ## what the chart renders to, after a change of it
	@$(BIN)/python -m tests.snapshots

pictures: $(VENV)/dev.stamp ## draw docs/images anew: the terminal and the page, on a real API server (the browser: 70 MB)
	@$(BIN)/python -m docs.make.terminal
	@$(BIN)/python -m docs.make.page

# Apart from .venv: what writes the bill of materials is no part of what is developed with.
$(VENV)/release.stamp: requirements/release.txt | $(VENV)/bin/python
	@echo 'Installing requirements/release.txt into $(VENV)/release …'
	@$(BIN)/python -m venv $(VENV)/release
	@$(VENV)/release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

version: $(VENV)/dev.stamp ## let all that names the version follow the one in pyproject.toml
	@$(BIN)/python -m release.follow && $(BIN)/python charts/generate.py

dist: $(VENV)/dev.stamp $(VENV)/release.stamp ## what is released, in dist/release: wheel, sdist, chart, CRDs, SBOM, checksums
	@$(BIN)/python -m release.build $(ARGS)

dist-check: $(VENV)/dev.stamp $(VENV)/release.stamp ## the same twice, and installed where nothing else is
	@RELEASE=all $(BIN)/python -m pytest tests/unit/test_release.py $(ARGS)

# Apart from .venv too: a hundred packages.
$(VENV)/scan.stamp: requirements/scan.txt | $(VENV)/bin/python
	@echo 'Installing requirements/scan.txt into $(VENV)/scan …'
	@$(BIN)/python -m venv $(VENV)/scan
	@$(VENV)/scan/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

chart-scan: $(VENV)/dev.stamp $(VENV)/scan.stamp ## a policy scan of what the chart renders to
	@$(BIN)/python -m tests.scan $(VENV)/scan/bin/checkov

cluster: $(VENV)/dev.stamp ## a control plane of your own with CRDs and operator, left running
	@$(BIN)/python -m tests.controlplane up

cluster-down: $(VENV)/dev.stamp ## end what `make cluster` started
	@$(BIN)/python -m tests.controlplane down

CLUSTER ?= own
IMAGES ?=
e2e: $(VENV)/dev.stamp ## chart, images and applications on a cluster with Pods (CLUSTER=own, kind or current)
	@[ $(CLUSTER) != own ] || $(BIN)/python -m tests.node build
	@$(BIN)/python -m pytest tests/e2e --cluster $(CLUSTER) $(if $(IMAGES),--images $(IMAGES)) $(ARGS)

images: $(VENV)/dev.stamp ## the images of operator and example as OCI archives in dist/, without Docker
	@$(BIN)/python -m tests.images

kubernetes: $(VENV)/dev.stamp ## a real one-node Kubernetes of your own, Pods included, left running (root on Linux)
	@$(BIN)/python -m tests.node up

kubernetes-down: $(VENV)/dev.stamp ## end what `make kubernetes` started
	@$(BIN)/python -m tests.node down

cluster-demo: $(VENV)/dev.stamp ## the same story on a real API server, with the operator
	@exec $(BIN)/python -m examples.demo.cluster

bench: $(VENV)/dev.stamp ## from a write to what it changes, beside as many raw watches
	@$(BIN)/python -m benchmarks.flip $(ARGS)

bench-weight: $(VENV)/dev.stamp ## what following windows adds to an application: import, memory
	@$(BIN)/python -m benchmarks.weight $(ARGS)

bench-reconnect: $(VENV)/dev.stamp ## what an API server meets that comes back to a thousand watches
	@$(BIN)/python -m benchmarks.reconnect $(ARGS)

bench-scale: $(VENV)/dev.stamp ## what Pods that follow windows cost an API server
	@$(BIN)/python -m benchmarks.scale $(ARGS)

chaos: $(VENV)/dev.stamp ## ten minutes of faults against an oracle (ARGS='--seed N --minutes M')
	@$(BIN)/python -m tests.chaos $(ARGS)

bench-gate: $(VENV)/dev.stamp ## what the gate costs a request, beside others
	@$(BIN)/python -m benchmarks.gate $(ARGS)

bench-edges: $(VENV)/dev.stamp ## what windows cost at and between their edges, and how late an edge is seen
	@$(BIN)/python -m benchmarks.edges $(ARGS)

bench-operator: $(VENV)/dev.stamp ## the operator under 1,000 to 10,000 windows (ARGS=--quick for a look)
	@$(BIN)/python -m benchmarks.operator_scale $(ARGS)

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-package fastapi-maintenance --custom-compile-command 'make lock' $(ARGS)
lock: $(VENV)/dev.stamp ## make the locks anew, after a change of pyproject.toml (ARGS=--upgrade to move on)
	@$(COMPILE) --all-extras --group dev --output-file requirements/dev.txt
	@$(COMPILE) --extra windows --group demo --constraints requirements/dev.txt --output-file requirements/demo.txt
	@$(COMPILE) --extra operator --extra cli --constraints requirements/dev.txt --output-file requirements/operator.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group release \
		--custom-compile-command 'make lock' $(ARGS) --output-file requirements/release.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group scan \
		--custom-compile-command 'make lock' $(ARGS) --output-file requirements/scan.txt
	@$(COMPILE) --extra kubernetes --group serve --constraints requirements/dev.txt --output-file requirements/example.txt

clean-cache: $(VENV)/dev.stamp ## remove what was built or fetched, unless used in 30 days (DAYS=number), by any clone
	@$(BIN)/python -m tests.cleaning $(DAYS)

clean: ## remove .venv and what tools left behind (the built control plane stays in its cache)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' $(MAKEFILE_LIST))
