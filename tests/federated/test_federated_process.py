"""Who comes first on a machine with too little: a session's rank is what `nice` says of the process that leads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from federated.learning import process

GROUP = Path("/proc/self/autogroup")
LEADER = "from federated.learning import process; process.rank_session(); print(open('/proc/self/autogroup').read(), flush=True)"
CHILD = f"""
import subprocess, sys
subprocess.run(["nice", "-n", "7", sys.executable, "-c", {LEADER!r}], check=True)
print(open('/proc/self/autogroup').read(), flush=True)
"""

pytestmark = pytest.mark.skipif(not GROUP.exists(), reason="this kernel has no scheduling groups of sessions")


def in_a_new_session(*command: str) -> str:
    """What a command prints that leads a session of its own: the one these tests run in may have no group at all (a container's first session has none)."""
    environment = process.calm_environment()
    return subprocess.run(command, env=environment, start_new_session=True, capture_output=True, text=True, check=True).stdout


def test_a_session_takes_the_rank_of_the_process_that_leads_it():
    assert in_a_new_session("nice", "-n", "7", sys.executable, "-c", LEADER).strip().endswith(f"nice {min(19, os.nice(0) + 7)}")


def test_a_process_that_leads_no_session_leaves_it_alone():
    of_the_child, of_the_leader = in_a_new_session(sys.executable, "-c", CHILD).split("\n\n")[:2]
    assert of_the_child.endswith("nice 0")
    assert of_the_leader == of_the_child
