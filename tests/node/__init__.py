"""A real one-node Kubernetes, Pods included, without Docker or an image registry.

Control plane, scheduler, kubelet, kube-proxy, containerd and a network for Pods, all in network,
mount and PID namespaces of their own: ending one process ends everything. Needs root on Linux.
`python -m tests.node --help` builds, starts and ends one.
"""
