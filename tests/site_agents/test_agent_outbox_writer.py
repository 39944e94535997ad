"""Watching never waits for the disk: what is handed over while another program holds the outbox is written afterwards, all of it and in order."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_lab import ROOT, event, jpeg, wait_for

from site_agents.errors import OutboxBusy
from site_agents.outbox import Outbox, open_database
from site_agents.outbox_writer import OutboxWriter
from site_agents.store import Medium


def impatient(path: Path) -> sqlite3.Connection:
    """The outbox's own connection, which waits a fifth of a second for others."""
    made = open_database(path)
    made.execute("PRAGMA busy_timeout = 200")
    return made


@pytest.fixture
def outbox(tmp_path) -> Iterator[Outbox]:
    made = Outbox(tmp_path, connect=impatient)
    yield made
    made.close()


@pytest.fixture
def holder(outbox) -> Iterator[sqlite3.Connection]:
    """Another program that holds the outbox, until it says COMMIT."""
    made = sqlite3.connect(outbox.path, isolation_level=None, check_same_thread=False)
    made.execute("BEGIN IMMEDIATE")
    yield made
    made.close()


def handed(keeper: Outbox | OutboxWriter, n: int) -> None:
    picture = Medium(jpeg(n), 0.7, float(n))
    keeper.add(event(float(n), snapshot=picture.sha256), [picture])


def test_nobody_who_watches_or_reports_waits_for_an_outbox_that_another_program_holds(outbox, holder):
    writer = OutboxWriter(outbox)
    writer.start()
    for n in range(30):
        handed(writer, n)
    made = event(30.0)
    writer.add(made)
    writer.add_clip(made, Medium(b"clip", 0.7, 30.0))
    assert (writer.stats()["pending"], writer.stats()["unsaved"]) == (31, 31)  # every call above came back while it was held
    holder.execute("COMMIT")
    wait_for(lambda: writer.stats()["unsaved"] == 0, "everything is written")
    writer.stop()
    batch = outbox.batch()
    assert [(each.body["t"], each.body["seq"]) for each in batch] == [(float(n), n + 1) for n in range(31)]
    assert all(each.body["snapshot"] in each.media for each in batch[:30])
    assert batch[30].body["clip"] in batch[30].media


def test_an_outbox_that_is_held_costs_no_picture(outbox, holder):
    handed(outbox, 1)
    handed(outbox, 2)
    with pytest.raises(OutboxBusy, match="another program"):
        outbox.acknowledge(outbox.batch())
    with pytest.raises(OutboxBusy):
        outbox.add_clip(event(3.0), Medium(b"clip", 0.7, 3.0))
    holder.execute("COMMIT")
    batch = outbox.batch()
    assert [len(each.media) for each in batch] == [1, 1]
    assert [each.body["seq"] for each in batch] == [1, 2]


KILLED = """
import sys
sys.path[:0] = {paths}
from pathlib import Path
from agent_lab import event
from tests.waiting import wait_for
from site_agents.outbox import Outbox
from site_agents.outbox_writer import OutboxWriter
writer = OutboxWriter(Outbox(Path({folder!r})))
writer.start()
for n in range(2000):
    writer.add(event(float(n)))
    if n == 40:
        wait_for(lambda: writer.stats()["unsaved"] == 0, "written")
        print("written", flush=True)
"""


@pytest.mark.process
def test_a_kill_in_the_middle_loses_only_what_was_not_reported_as_written(tmp_path):
    code = KILLED.format(paths=[str(ROOT), str(ROOT / "tests" / "site_agents")], folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "written"
        os.kill(process.pid, signal.SIGKILL)
    outbox = Outbox(tmp_path)
    found = [each.body["seq"] for each in outbox.batch(5000)]
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= 41
    outbox.close()
