"""Classical file forensics of a picture: one technique a file, hints for an examiner and never a verdict."""
