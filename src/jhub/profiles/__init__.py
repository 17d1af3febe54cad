"""Profiles of a hub: the model, and the formats of files that it is read from. Works without a hub."""
