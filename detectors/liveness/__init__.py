"""Faces that are not there: whether a camera sees a face or a picture of one."""
