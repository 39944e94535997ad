"""Pixels and text in, findings out."""
