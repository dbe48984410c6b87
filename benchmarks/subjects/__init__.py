"""What `benchmarks.gate` measures: applications behind a gate or none, in worker processes."""
