"""Text in pictures: where its lines are, what they read, and in which order."""
