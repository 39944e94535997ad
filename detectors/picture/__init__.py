"""Tools of the analysis desk that look at single pictures."""
