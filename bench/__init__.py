"""Benchmarks: `make bench`; docs/benchmarks.md tells what they show."""
