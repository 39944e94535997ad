"""What portal and sites share: `contract` (what they say), `trust` (what they believe each other by), `learning` (what they train with Flower)."""
