"""What the agents said and what people did about it."""
