"""Federated runs, their rounds, and the models they end in."""
