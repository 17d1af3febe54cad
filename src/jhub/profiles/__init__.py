"""Profiles: what they are, and the files that they are read from. Needs no hub."""
