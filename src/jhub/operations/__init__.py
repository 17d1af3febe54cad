"""The REST API, one file per noun. Everything here is pure: operations, not calls."""
