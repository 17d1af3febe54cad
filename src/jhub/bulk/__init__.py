"""Many users, many members: bulk writes in small chunks. Pure."""
