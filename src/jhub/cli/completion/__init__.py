"""Completion in the shell: the command that prints the script, and the names that it completes."""
