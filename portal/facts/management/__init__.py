"""Commands of the memory for facts."""
