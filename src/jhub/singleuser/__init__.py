"""Work in users' servers: the REST API of the Jupyter Server that a user's server runs.

A server's owner can read every header that is sent to it. So no request carries the caller's own token: `access` makes
a token that opens this one server for some minutes, and revokes it at the end.
"""
