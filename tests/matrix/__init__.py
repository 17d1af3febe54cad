"""The version matrix: the same tests against a real hub of each JupyterHub version, and the tables of their results.

`make test-matrix` runs it, `make record-matrix` records the results of the last run.
"""
