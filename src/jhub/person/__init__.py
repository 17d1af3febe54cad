"""The person in front: their terminal and their browser."""
