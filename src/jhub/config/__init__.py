"""Which hubs you are signed in to: contexts, their tokens, and when these expire."""
