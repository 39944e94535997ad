"""Rollout of model versions: from the candidate a run left to the cameras, and back.

A version is a row of `ModelVersion`: candidate -> canary -> published -> retired, or rolled back. At most one version of a detector is published, at
most one is a canary.

- The registry: `actions.py` (keep a run's result, publish, roll back, keep what became of a version at an agent), `queries.py` (versions, who runs
  what, and `desired_models`: the signed documents that an agent must run), `documents.py` (what is signed), `cards.py` (what a regulator would ask
  for: data, cameras, privacy, the change at each camera with an interval), `budget.py` (a version too slow for one camera is not published to all).
- The canary: a version that runs at chosen cameras first, while the version before watches the same frames there and raises nothing. One concept in
  five files: `canary.py` starts it, watches it and takes it back; `canary_figures.py` sums up what its cameras and the others showed before and
  during it; `canary_limits.py` decides from these numbers alone when it must go back; `canary_comparison.py` keeps counts and pictures of where the
  two versions disagree; `machines.py` is where agents report such a picture.

Every minute `tasks.watch_canaries` keeps a sample of each agent, reads the counts from the last heartbeats, and takes back a canary whose figures
have left their limits. On the wire a canary's document has the field `trial`, and the counts in a heartbeat lie under `trials`: these names are the
contract's and stay until its version changes.
"""
