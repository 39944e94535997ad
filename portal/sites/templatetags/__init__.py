"""Template tags of the sites app."""
