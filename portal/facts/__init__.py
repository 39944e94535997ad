"""The memory for facts: what the desk can say about names, slogans and symbols, each with a source and two people behind it."""
