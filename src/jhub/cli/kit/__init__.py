"""Options, input, output, prompts and exit codes shared by the commands."""
