"""Texts that people post: hidden characters, and whether a machine wrote them."""
