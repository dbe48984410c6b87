"""A small model of how `Drained` comes to be said, and a search through all that may happen."""
