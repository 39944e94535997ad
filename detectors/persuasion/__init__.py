"""Persuasion techniques in the texts of memes and posts."""
