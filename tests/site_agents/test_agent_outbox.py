"""The outbox: nothing put here is lost, nothing is said in the wrong order, and a full disk costs pictures first."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from agent_lab import ROOT, event, jpeg, wait_for

from site_agents import outbox as outbox_module
from site_agents.errors import OutboxError
from site_agents.outbox import Outbox, open_database
from site_agents.store import Medium


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path)
    yield made
    made.close()


def medium(shade: int = 0, score: float = 0.7, t: float = 0.0) -> Medium:
    return Medium(jpeg(shade), score, t)


def with_picture(outbox: Outbox, shade: int, score: float = 0.7, t: float = 1.0):
    picture = medium(shade, score, t)
    return outbox.add(event(t, score=score, snapshot=picture.sha256), [picture])


def test_events_get_rising_numbers_and_come_out_in_order(outbox):
    ids = [outbox.add(event(float(n))).id for n in range(5)]
    assert [each.id for each in outbox.batch()] == ids
    assert [each.body["seq"] for each in outbox.batch()] == [1, 2, 3, 4, 5]


def test_numbers_go_on_after_a_restart_also_when_everything_was_sent(tmp_path):
    first = Outbox(tmp_path)
    first.add(event(1.0))
    first.acknowledge(first.batch())
    first.close()
    again = Outbox(tmp_path)
    assert again.add(event(2.0)).seq == 2
    again.close()


def test_each_camera_has_its_own_order(outbox):
    assert [outbox.add(event(1.0, camera=name)).seq for name in ("a", "b", "a", "b")] == [1, 1, 2, 2]


def test_the_same_event_twice_is_one_event(outbox):
    one = event(1.0)
    assert outbox.add(one).seq == outbox.add(one).seq == 1
    assert outbox.stats()["pending"] == 1


def test_an_event_is_gone_when_it_is_settled_and_not_before(outbox):
    outbox.add(event(1.0))
    outbox.add(event(2.0))
    outbox.acknowledge(outbox.batch(1))
    assert [each.body["t"] for each in outbox.batch()] == [2.0]
    assert outbox.stats()["pending"] == 1


def test_settling_twice_is_harmless(outbox):
    outbox.add(event(1.0))
    batch = outbox.batch()
    outbox.acknowledge(batch)
    outbox.acknowledge(batch)
    assert outbox.batch() == []


def test_a_batch_holds_no_more_than_was_asked_for(outbox):
    for n in range(12):
        outbox.add(event(float(n)))
    assert [len(outbox.batch(limit)) for limit in (1, 5, 500)] == [1, 5, 12]


def test_a_batch_carries_only_so_many_pictures(outbox, monkeypatch):
    monkeypatch.setattr(outbox_module, "BATCH_MEDIA", 3 * len(jpeg(0)))
    for n in range(10):
        with_picture(outbox, n)
    assert 1 <= len(outbox.batch()) <= 4


def test_an_event_larger_than_a_batch_still_goes(outbox, monkeypatch):
    monkeypatch.setattr(outbox_module, "BATCH_MEDIA", 1)
    with_picture(outbox, 1)
    assert len(outbox.batch()) == 1


def test_an_event_names_the_pictures_that_go_before_it(outbox):
    made = with_picture(outbox, 1)
    (waiting,) = outbox.batch()
    assert waiting.media == (made.snapshot,)
    assert outbox.media.read(made.snapshot) == jpeg(1)


def test_a_sent_picture_is_forgotten_and_its_name_stays(outbox):
    made = with_picture(outbox, 1)
    outbox.forget_medium(made.snapshot)
    (waiting,) = outbox.batch()
    assert (waiting.media, waiting.body["snapshot"]) == ((), made.snapshot)
    assert outbox.stats()["media_bytes"] == 0


def test_an_event_promises_no_picture_that_was_given_up(outbox):
    made = with_picture(outbox, 1)
    outbox.media.remove(made.snapshot)
    (waiting,) = outbox.batch()
    assert waiting.body["snapshot"] is None
    outbox.acknowledge([waiting])
    assert outbox.batch() == []


def test_a_clip_joins_an_event_that_still_waits(outbox):
    made = with_picture(outbox, 1)
    assert outbox.add_clip(made, medium(2))
    (waiting,) = outbox.batch()
    assert waiting.body["clip"] == medium(2).sha256
    assert set(waiting.media) == {made.snapshot, medium(2).sha256}


def test_a_clip_of_an_event_that_was_sent_makes_it_go_again(outbox):
    made = outbox.add(event(1.0))
    outbox.acknowledge(outbox.batch())
    outbox.add_clip(made, medium(2))
    (waiting,) = outbox.batch()
    assert (waiting.id, waiting.body["seq"], waiting.body["clip"]) == (made.id, made.seq, medium(2).sha256)


def test_a_clip_that_comes_while_its_event_is_on_the_way_is_not_lost(outbox):
    made = outbox.add(event(1.0))
    on_the_way = outbox.batch()
    outbox.add_clip(made, medium(2))
    outbox.acknowledge(on_the_way)
    (waiting,) = outbox.batch()
    assert waiting.body["clip"] == medium(2).sha256
    outbox.acknowledge([waiting])
    assert outbox.batch() == []


def test_a_refused_event_is_put_aside_with_the_reason(outbox):
    outbox.add(event(1.0))
    outbox.add(event(2.0))
    outbox.dead_letter(outbox.batch()[0], "kind: unknown")
    assert [each.body["t"] for each in outbox.batch()] == [2.0]
    assert [(each["reason"], each["body"]["t"]) for each in outbox.dead()] == [("kind: unknown", 1.0)]
    assert outbox.stats()["dead"] == 1


def test_only_so_many_refused_events_are_kept(outbox, monkeypatch):
    monkeypatch.setattr(outbox_module, "DEAD", 3)
    for n in range(6):
        outbox.add(event(float(n)))
        outbox.dead_letter(outbox.batch()[0], "no")
    assert [each["body"]["t"] for each in outbox.dead()] == [3.0, 4.0, 5.0]


def test_the_oldest_pictures_of_low_score_go_first(tmp_path):
    size = len(jpeg(0))
    outbox = Outbox(tmp_path, budget=size * 4)
    wanted = [(1, 0.3, 3.0), (2, 0.9, 1.0), (3, 0.2, 2.0), (4, 0.8, 4.0), (5, 0.9, 5.0), (6, 0.9, 6.0)]
    made = [with_picture(outbox, *each) for each in wanted]
    kept = [each.t for each in made if outbox.media.has(each.snapshot)]
    assert 3.0 not in kept
    assert 2.0 not in kept
    assert len(outbox.batch()) == 6
    assert outbox.stats()["media_bytes"] <= size * 4
    outbox.close()


def test_a_picture_larger_than_the_budget_is_left_out_and_the_event_stays(tmp_path):
    outbox = Outbox(tmp_path, budget=100)
    assert with_picture(outbox, 1).snapshot is None
    assert len(outbox.batch()) == 1
    outbox.close()


def test_files_nobody_names_are_swept_at_the_start(tmp_path):
    first = Outbox(tmp_path)
    kept = with_picture(first, 1)
    first.close()
    (tmp_path / "media" / ("0" * 64)).write_bytes(b"from before the power cut")
    (tmp_path / "media" / ".half-written").write_bytes(b"x")
    again = Outbox(tmp_path)
    assert [file.name for file in (tmp_path / "media").iterdir()] == [kept.snapshot]
    assert again.media.bytes == len(jpeg(1))
    again.close()


@pytest.mark.parametrize("damage", [b"", b"this is no database at all" * 100, None])
def test_a_damaged_outbox_is_put_aside_and_a_new_one_numbers_on(tmp_path, damage, caplog):
    first = Outbox(tmp_path)
    for n in range(200):
        first.add(event(float(n)))
    first.close()
    content = bytearray((tmp_path / "outbox.db").read_bytes())
    content[4096:20000] = os.urandom(20000 - 4096)
    (tmp_path / "outbox.db").write_bytes(bytes(content) if damage is None else damage)
    again = Outbox(tmp_path)
    assert again.add(event(999.0)).seq > (200 if damage != b"" else 0)
    assert [each.body["t"] for each in again.batch()] == [999.0]
    assert (list(tmp_path.glob("outbox.damaged-*.db")) != []) == (damage != b"")
    again.close()


def test_many_threads_at_once_lose_and_double_nothing(outbox):
    def produce(seed: int) -> None:
        for n in range(50):
            outbox.add(event(float(n), data={"who": seed}))

    producers = [threading.Thread(target=produce, args=(seed,)) for seed in range(4)]
    for each in producers:
        each.start()
    seen = []
    while any(each.is_alive() for each in producers) or outbox.stats()["pending"]:
        batch = outbox.batch(7)
        seen += [each.body["seq"] for each in batch]
        outbox.acknowledge(batch)
    assert sorted(seen) == list(range(1, 201))
    assert seen == sorted(seen)


def test_an_arrival_wakes_who_waits(outbox):
    woken = threading.Event()

    def wait() -> None:
        with outbox.arrived:
            started.set()
            outbox.arrived.wait(20)
        woken.set()

    started = threading.Event()
    threading.Thread(target=wait, daemon=True).start()
    started.wait(5)
    outbox.add(event(1.0))
    assert woken.wait(5)


class FullDisk:
    """The outbox's connection, on which writing fails with "disk is full" while `full` says so."""

    def __init__(self) -> None:
        self.full = lambda: False

    def connect(self, path: Path) -> FullDisk:
        self.real = open_database(path)
        return self

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")) and self.full():
            raise sqlite3.OperationalError("database or disk is full")
        return self.real.execute(statement, *values)

    def executemany(self, *arguments: object) -> sqlite3.Cursor:
        return self.real.executemany(*arguments)

    def close(self) -> None:
        self.real.close()


@pytest.fixture
def disk() -> FullDisk:
    return FullDisk()


@pytest.fixture
def cramped(tmp_path, disk):
    """An outbox on this disk."""
    made = Outbox(tmp_path, connect=disk.connect)
    yield made
    made.close()


def test_on_a_full_disk_events_wait_in_memory_and_keep_their_order(cramped, disk):
    cramped.add(event(0.0))
    disk.full = lambda: True
    for n in range(1, 4):
        cramped.add(event(float(n)))
    assert (cramped.stats()["pending"], cramped.stats()["unsaved"]) == (4, 3)
    assert [each.body["t"] for each in cramped.batch()] == [0.0]
    disk.full = lambda: False
    cramped.add(event(4.0))
    assert [(each.body["t"], each.body["seq"]) for each in cramped.batch()] == [(float(n), n + 1) for n in range(5)]
    assert cramped.stats()["unsaved"] == 0


def test_on_a_full_disk_pictures_are_given_up_for_events(cramped, disk):
    old = [with_picture(cramped, n) for n in range(3)]
    disk.full = lambda: any(cramped.media.has(each.snapshot) for each in old)
    cramped.add(event(9.0))
    assert [each.body["t"] for each in cramped.batch()][-1] == 9.0
    assert [each.body["snapshot"] for each in cramped.batch()] == [None] * 4


def test_on_a_full_disk_settling_says_so_and_the_event_goes_again(cramped, disk):
    cramped.add(event(0.0))
    disk.full = lambda: True
    with pytest.raises(OutboxError, match="the disk is full"):
        cramped.acknowledge(cramped.batch())
    disk.full = lambda: False
    assert len(cramped.batch()) == 1


def test_memory_is_bounded_and_says_what_it_loses(tmp_path, disk, monkeypatch, caplog):
    monkeypatch.setattr(outbox_module, "UNSAVED", 3)
    cramped = Outbox(tmp_path, connect=disk.connect)
    disk.full = lambda: True
    for n in range(5):
        cramped.add(event(float(n)))
    disk.full = lambda: False
    assert [each.body["t"] for each in cramped.batch()] == [2.0, 3.0, 4.0]
    assert "the oldest unsaved event is lost" in caplog.text
    cramped.close()


WRITER = """
import json, sys
sys.path[:0] = {paths}
from pathlib import Path
from agent_lab import event, jpeg
from site_agents.outbox import Outbox
from site_agents.store import Medium
outbox = Outbox(Path({folder!r}))
for n in range(100_000):
    picture = Medium(jpeg(n), 0.7, float(n))
    made = outbox.add(event(float(n), snapshot=picture.sha256), [picture])
    print(json.dumps([made.seq, made.id, made.snapshot]), flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_what_was_in_the_outbox_survives_kill_9(tmp_path, seed):
    """A writer tells each event after it was put in; it is killed in the middle. All that was told is there, whole, once, in order."""
    code = WRITER.format(paths=[str(ROOT), str(ROOT / "tests" / "site_agents")], folder=str(tmp_path))
    log = tmp_path / "told.txt"
    with log.open("w") as target:
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=target, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wait_for(lambda: len(log.read_text().splitlines()) > 5 + seed * 7, "some events")
    time.sleep(random.Random(seed).uniform(0, 0.02))
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    recorded = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("]")]
    outbox = Outbox(tmp_path)
    found = [[each.body["seq"], each.id, each.body["snapshot"]] for each in outbox.batch(10_000)]
    assert found[: len(recorded)] == recorded
    assert len(recorded) <= len(found) <= len(recorded) + 1
    assert all(outbox.media.has(each[2]) for each in found)
    assert outbox.add(event(1.0)).seq == found[-1][0] + 1
    outbox.close()


def test_a_hard_killed_reader_sends_again_and_loses_nothing(tmp_path):
    first = Outbox(tmp_path / "first")
    made = [first.add(event(float(n))).id for n in range(10)]
    taken = first.batch(5)
    shutil.copytree(tmp_path / "first", tmp_path / "again")  # what is on disk when it dies between sending and settling
    first.close()
    again = Outbox(tmp_path / "again")
    assert [each.id for each in again.batch()] == made
    assert [each.id for each in taken] == made[:5]
    again.close()


def naming(outbox: Outbox, uid: str, kind: str = "recognised", where: str = "person") -> None:
    outbox.add(event(1.0, kind=kind, data={where: uid, "visit": "7"}))


def on_disk(folder) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("outbox.db*"))


@pytest.mark.parametrize(("kind", "where"), [("recognised", "person"), ("tailgating", "known")])
def test_what_was_settled_does_not_name_one_of_the_staff_on_the_disk_any_more(tmp_path, outbox, kind, where):
    uid = "0190c2f4-aaaa-4bbb-8ccc-0123456789ab"
    naming(outbox, uid, kind, where)
    assert uid.encode() in on_disk(tmp_path)
    outbox.acknowledge(each for each in outbox.batch())  # as the uplink says it
    assert uid.encode() not in on_disk(tmp_path)


def test_an_event_that_is_never_taken_is_put_aside_without_the_person(tmp_path, outbox):
    uid = "0190c2f4-aaaa-4bbb-8ccc-0123456789ab"
    naming(outbox, uid)
    outbox.dead_letter(outbox.batch()[0], "the person is not on the staff list any more")
    assert outbox.dead()[0]["body"]["data"] == {"visit": "7"}
    assert uid.encode() not in on_disk(tmp_path)
