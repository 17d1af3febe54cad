"""Benchmarks: `make bench`. docs/explanation/benchmarks.md has the results."""
