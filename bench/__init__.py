"""Benchmarks: `make bench`. docs/benchmarks.md has the results."""
