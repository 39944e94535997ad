"""Nets, one a file, plain torch."""
