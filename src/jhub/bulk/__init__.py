"""Bulk writes of users and group members in small chunks, as pure flows."""
