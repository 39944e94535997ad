"""Runs of federated training: from the plan an administrator chooses to the candidate a run ends in.

The journey of a run:
1. `forms.py` offers the plan (task, sites, rounds, strategy, privacy); `words.py` words what the strategies promise; `plans.py` checks it: enough
   cameras enrolled, each on its own terms (`terms.py`: which tasks a camera trains, how much privacy it demands).
2. `actions.start_run` keeps the plan and defers the job `training.follow_run`; `nightly.py` does the same each night, when enough agents are idle.
3. `tasks.follow_run` gives the run to the SuperLink (`following.config_for`) and follows its events; `following.store` writes each down once: rounds,
   what each node did, the gate, privacy spent. A run that ended early goes on from its checkpoint (`resume.py`).
4. The result becomes a candidate in the model registry: `portal.training.rollout.actions.keep_model`. From there on it is the other room's.

What a person sees: `views.py` and `queries.py` (console, live page, nodes, comparison of runs), `export.py` (CSV, JSON, side by side),
`vote_comparison.py` (the loss of each camera's held-back footage before, alone and together, next to the lab's figures), `nodes.py` (the cameras that
can train and how they are).

Beside the runs: `root_set.py`, `footage.py` and `root_views.py` (footage at the portal itself that updates are measured against), `refused.py` (whom
the SuperLink refused, into the audit log).

Three words: a *site* is a heritage site; a *camera* trains through its *node*, the number by which Flower knows its SuperNode. A node's number
changes with the agent's keys, so a number is never shown where a camera can be: `portal.sites.nodes` knows every number a camera has had.
"""
