"""The desk: suspicious files in, reports out."""
