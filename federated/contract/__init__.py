"""All that travels between the portal and the agents: one file a message, typed, parsed once at the edge of each side."""
