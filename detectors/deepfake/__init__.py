"""Manipulated and generated faces in pictures and clips."""
