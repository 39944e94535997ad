"""How long a claimed task may be silent before Flower calls it dead: longer than a busy box may leave it without a processor.

Flower 1.41 gives a task 30 s from its claim to its first heartbeat and 60 s between two. A task of ours is a low-priority child beside a camera: at a load of
25 on two cores such a child waits longer than that for its turn, its token runs out, every later call is answered 401 and the run ends although nothing is
wrong. What those seconds are for is seen at once without them: a task that died is reported by its executor (`executor.reap`), the runs of an executor that
died by the SuperLink (`superlink._end_orphans`), tasks of a node end with its pair of processes (`node.watch`), and a silent node is late at the deadline.
"""

from __future__ import annotations

CLAIM_S = 300  # to the first heartbeat; twice as long (Flower's patience) between two


def wait_longer() -> None:
    """Set it in this process, which serves a Runtime API (SuperLink or SuperNode); before the first task is claimed."""
    from flwr.supercore.corestate import in_memory_corestate, sql_corestate

    for module in (in_memory_corestate, sql_corestate):
        module.HEARTBEAT_DEFAULT_INTERVAL = CLAIM_S
