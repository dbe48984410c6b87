"""A real Kubernetes control plane without Docker: etcd, API server, controller-manager.

`python -m tests.controlplane --help` builds, starts and ends one; the fixtures in
`tests/cluster/conftest.py` start one for a test run. Nothing here listens beyond loopback.
"""
