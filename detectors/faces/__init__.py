"""Faces: where they are, and whose they may be."""
