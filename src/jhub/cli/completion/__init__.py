"""Shell completion: the command that prints the script, and the completers of names."""
