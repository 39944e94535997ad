"""Training together: `runs/` leads to a model version, `rollout/` leads the version to the cameras.

Both rooms stand on `models.py` (the tables of the app), `permissions.py` (who reads, who acts) and `api_base.py`; `runs` may use `rollout`, never the
other way. `urls.py`, `api.py` and `tasks.py` only gather what the rooms define; `metrics.py` is what Prometheus reads of both.
"""
