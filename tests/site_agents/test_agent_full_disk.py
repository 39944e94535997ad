"""A disk that is really full: pictures are given up, the oldest of low score first, events never, and the log says why."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest
from agent_lab import event, identity, jpeg, wait_for

from site_agents.errors import OutboxError
from site_agents.outbox import Outbox, open_database
from site_agents.store import Medium
from site_agents.uplink import Sender

pytestmark = pytest.mark.process


@pytest.fixture
def disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def with_picture(outbox: Outbox, n: int, score: float = 0.7):
    picture = Medium(jpeg(n) + os.urandom(100_000), score, float(n))
    return outbox.add(event(float(n), score=score, snapshot=picture.sha256), [picture])


def fill(file) -> None:
    """Write until the disk takes nothing more."""
    with file.open("wb", buffering=0) as target:
        for size in (65536, 4096, 512, 1):
            try:
                while target.write(os.urandom(size)):
                    pass
            except OSError:
                continue


def test_a_full_disk_costs_no_event(disk):
    outbox = Outbox(disk)
    for n in range(20):
        with_picture(outbox, n)
    fill(disk / "filler")
    for n in range(20, 320):
        with_picture(outbox, n)
    assert outbox.stats()["pending"] == 320
    (disk / "filler").unlink()
    batch = outbox.batch()
    assert [each.body["t"] for each in batch] == [float(n) for n in range(320)]
    assert [each.body["seq"] for each in batch] == list(range(1, 321))
    outbox.close()


def test_pictures_of_low_score_go_before_others(disk, caplog):
    outbox = Outbox(disk)
    made = [with_picture(outbox, n, 0.3 if n % 2 else 0.9) for n in range(20)]
    fill(disk / "filler")
    for n in range(20, 26):
        with_picture(outbox, n, 0.9)
    kept = [each.score for each in made if outbox.media.has(each.snapshot)]
    assert kept == [0.9] * len(kept)
    assert kept
    assert outbox.stats()["pending"] == 26
    assert "gave up" in caplog.text
    outbox.close()


def test_the_log_calls_a_full_disk_by_its_name(disk, caplog):
    outbox = Outbox(disk)
    fill(disk / "filler")
    for n in range(300):
        outbox.add(event(float(n)))
    assert "an event cannot be written: the disk is full (0 kB free)" in caplog.text
    assert outbox.stats()["pending"] == 300
    (disk / "filler").unlink()
    assert len(outbox.batch(1000)) == 300
    outbox.close()


def test_a_restart_on_a_full_disk_gives_up_pictures_to_go_on(disk, caplog):
    first = Outbox(disk)
    for n in range(20):
        with_picture(first, n)
    first.close()
    fill(disk / "filler")
    again = Outbox(disk)
    assert "the outbox cannot be opened: the disk is full" in caplog.text
    assert [each.body["t"] for each in again.batch()] == [float(n) for n in range(20)]
    again.add(event(99.0))
    assert again.stats()["pending"] == 21
    again.close()


def test_a_restart_on_a_full_disk_without_pictures_is_one_sentence(disk):
    first = Outbox(disk)
    first.add(event(1.0))
    first.close()
    fill(disk / "filler")
    with pytest.raises(OutboxError, match=r"cannot be opened: the disk is full \(0 kB free\)"):
        Outbox(disk)
    (disk / "filler").unlink()
    again = Outbox(disk)
    assert again.stats()["pending"] == 1
    again.close()


def test_sending_empties_the_outbox_of_a_full_disk(disk, link, peer):
    outbox = Outbox(disk)
    for n in range(20):
        with_picture(outbox, n)
    fill(disk / "filler")
    sender = Sender(outbox, link, identity(peer))
    sender.start()
    wait_for(lambda: len(peer.events) == 20 and not outbox.stats()["pending"], "an empty outbox")
    sender.stop()
    assert [each["seq"] for each in peer.events] == list(range(1, 21))
    outbox.close()


class Stuck:
    """A database whose rows cannot be deleted."""

    def __init__(self, path) -> None:
        self.real = open_database(path)

    def execute(self, statement, *values):
        import sqlite3

        if statement.startswith("DELETE FROM events"):
            raise sqlite3.OperationalError("database or disk is full")
        return self.real.execute(statement, *values)

    def __getattr__(self, name):
        return getattr(self.real, name)


def test_what_cannot_be_forgotten_is_not_sent_in_an_endless_rush(tmp_path, link, peer, caplog):
    outbox, asked = Outbox(tmp_path / "box", connect=Stuck), []
    outbox.add(event(1.0))
    peer.refuse = lambda method, path, body: asked.append(path)
    sender = Sender(outbox, link, identity(peer))
    sender.start()
    wait_for(lambda: len(asked) >= 2, "a second try")
    threading.Event().wait(0.3)
    assert len(asked) <= 4
    assert len(peer.events) == 1
    assert "the outbox cannot be tidied: the disk is full" in caplog.text
    sender.stop(timeout=0.1)
    outbox.close()
