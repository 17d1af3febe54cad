"""The `jhub` command: one file per noun, and a shared kit."""
