"""Many posts looked at together: what is the same in them, who posts it in time with whom, and whether chance would do that too."""
