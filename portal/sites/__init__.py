"""Heritage sites, their cameras, zones, rules and the agents that watch them."""
