"""Ways to get a token, each a flow in a file of its own; `find` takes the one that the hub has."""
