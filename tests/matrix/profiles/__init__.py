"""Profiles of jhub.extension, on hubs that are configured in different ways."""
