"""Signing in with `jhub login`: each way, on hubs with each authenticator, of each JupyterHub from 4 on."""
