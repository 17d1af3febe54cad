"""Preflight checks of a dry run: how the hub would answer a request that changes something, by what it can read."""
