"""Sign-in with `jhub login`: each method, on hubs with each authenticator, of each JupyterHub version since 4."""
