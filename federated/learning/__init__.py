"""Training together with Flower: plans, rounds, guard, gate, strategies, privacy, tasks, and the programs at both ends."""
