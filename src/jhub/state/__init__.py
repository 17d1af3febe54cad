"""State files: users, groups, members and servers of a hub in a file; their plan, and its application."""
