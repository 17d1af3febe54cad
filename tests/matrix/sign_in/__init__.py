"""Sign-in with `jhub login`: each method, on hubs with each authenticator, of each JupyterHub from 4 on."""
