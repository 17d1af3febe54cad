"""The REST API, one file per noun. Everything here is pure: plans, not calls."""
