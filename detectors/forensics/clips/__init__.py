"""Forensics of a video file: what its container, its timing and its frames give away."""
