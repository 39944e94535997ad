"""Is the camera itself all right?"""
