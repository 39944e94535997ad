"""One file a task; each is found by `federated.learning.task`."""
