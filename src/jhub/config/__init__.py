"""The hubs that you are signed in to: contexts, their tokens, and when these expire."""
