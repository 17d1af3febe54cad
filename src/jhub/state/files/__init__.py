"""State files: their form, readers with all problems by line, and text that is written."""
