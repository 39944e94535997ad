"""People and things."""
