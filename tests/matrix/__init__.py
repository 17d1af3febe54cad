"""The version matrix: the same tests against a real hub of each JupyterHub, and the tables made of them.

`make test-matrix` runs it, `make record-matrix` keeps what the last run found.
"""
