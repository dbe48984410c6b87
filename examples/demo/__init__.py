"""Demos that tell what they do: `make demo` and `make cluster-demo`."""
