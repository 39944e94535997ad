"""Who comes first on a machine with too little: a session's rank is what `nice` says of the process that leads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from federated.learning import process

GROUP = Path("/proc/self/autogroup")
LEADER = "from federated.learning import process; process.rank_session(); print(open('/proc/self/autogroup').read(), flush=True)"

pytestmark = pytest.mark.skipif(not GROUP.exists(), reason="this kernel has no scheduling groups of sessions")


def rank(session: bool) -> str:
    """The group's line that a child with nice 7 sees after it asked for its rank."""
    command = ["nice", "-n", "7", sys.executable, "-c", LEADER]
    return subprocess.run(command, env=process.calm_environment(), start_new_session=session, capture_output=True, text=True, check=True).stdout.strip()


def test_a_session_takes_the_rank_of_the_process_that_leads_it():
    assert rank(session=True).endswith("nice 7")


def test_a_process_that_leads_no_session_leaves_it_alone():
    before = GROUP.read_text()
    assert rank(session=False).endswith(before.split()[-1])
    assert GROUP.read_text() == before
