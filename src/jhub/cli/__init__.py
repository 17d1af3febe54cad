"""The `jhub` command: one file for each noun, and a kit that the commands share."""
