"""Many sites: the bench on small made-up clips, and the cost model term by term."""

from __future__ import annotations

import argparse
import json

import cv2
import numpy as np
import pytest

from detectors.errors import BadDataset
from federated.learning import task
from federated.learning.bench import scale
from federated.learning.bench.parts import cost

ONE = cost.NodeCost(bytes_down=200_000, bytes_up=200_000, train_s=6.0, combine_s=0.01)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two normal clips to cut, one to calibrate with, one to judge: a block that walks, and in the last one another that runs."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    labels = ["clip,frame,label"]
    for split, name, frames in (("train", "001", 70), ("train", "002", 70), ("train", "003", 60), ("test", "t001", 30)):
        folder = root / split / name
        folder.mkdir(parents=True)
        for t in range(frames):
            picture = np.full((160, 240), 90, np.uint8) + rng.integers(0, 3, (160, 240), dtype=np.uint8)
            picture[60:100, (3 * t) % 220 : (3 * t) % 220 + 16] = 200
            if odd := split == "test" and t >= 15:
                picture[110:140, (11 * t) % 220 : (11 * t) % 220 + 16] = 30
            cv2.imwrite(str(folder / f"{t + 1:03d}.jpg"), picture)
            if split == "test":
                labels.append(f"{name},{t + 1},{int(odd)}")
    (root / "frames.csv").write_text("\n".join(labels) + "\n")
    return root


def asked(clips, **changes):
    plain = {"data": clips, "sites": 6, "share": 0.5, "rounds": 2, "bad": 0.34, "judge_every": 0, "nodes": 1000, "seed": 0}
    return argparse.Namespace(**plain | changes)


@pytest.fixture(scope="module")
def found(clips):
    return scale.run(asked(clips))


def test_a_share_of_the_sites_takes_part_and_bad_ones_end_nothing(found):
    assert [row["asked"] for row in found["rounds"]] == [3, 3]
    assert (found["late_sites"], found["broken_sites"]) == (1, 1)
    assert all(row["accepted"] >= found["quorum"] for row in found["rounds"])
    assert sum(row["accepted"] + row["late"] + row["failed"] + row["rejected"] for row in found["rounds"]) == 6


def test_everybody_who_can_votes_and_the_gate_speaks(found):
    assert found["gate"]["votes"] == 4
    assert isinstance(found["gate"]["passed"], bool)


def test_what_was_measured_goes_into_the_model(found):
    sent = found["rounds"][0]
    assert sent["bytes_down"] == 3 * found["measured"]["bytes_down"]
    assert found["model"]["asked_a_round"] == 500
    assert found["measured"]["train_s"] > 0
    assert json.dumps(found)


def test_the_same_seed_asks_the_same_sites_again(clips, found):
    again = scale.run(asked(clips))
    assert [(row["accepted"], row["late"], row["failed"], row["loss"]) for row in again["rounds"]] == [
        (row["accepted"], row["late"], row["failed"], row["loss"]) for row in found["rounds"]
    ]


def test_waiting_for_a_silent_site_takes_no_real_time(found):
    waited = [row for row in found["rounds"] if row["late"]]
    assert all(row["waited_s"] >= 60 and row["seconds"] < 60 for row in waited)
    assert all(row["waited_s"] == 0 for row in found["rounds"] if not row["late"])


def test_too_many_sites_for_the_footage_is_said(clips):
    with pytest.raises(BadDataset, match="cannot be cut for 50 sites"):
        scale.run(asked(clips, sites=50))


@pytest.mark.parametrize("change", [{"sites": 1}, {"bad": 1.0}, {"bad": -0.1}])
def test_a_wrong_question_is_refused(clips, change):
    with pytest.raises(task.TaskError):
        scale.run(asked(clips, **change))


def test_a_lost_quorum_is_said_and_no_traceback(clips):
    with pytest.raises(task.TaskError, match="are needed"):
        scale.run(asked(clips, bad=0.9))


def test_clips_are_cut_by_their_length():
    assert scale.shares([120, 150, 180], 10) == [3, 3, 4]
    assert sum(scale.shares([7, 7, 7], 10)) == 10


def test_half_of_the_bad_sites_are_late_and_none_is_both():
    late, broken = scale.bad(100, 0.1, 0)
    assert (len(late), len(broken), len(set(late) & set(broken))) == (5, 5, 0)
    assert scale.bad(100, 0.1, 0) == (late, broken)
    assert scale.bad(100, 0.0, 0) == ([], [])


def test_a_slow_link_of_the_site_or_of_the_portal_decides():
    slow = cost.seconds(ONE, 200, 0.5, 1000)
    assert slow["down"] == pytest.approx(200_000 * cost.WIRE * 8 / 0.5e6, abs=0.01)
    shared = cost.seconds(ONE, 200, 100, 100)
    assert shared["down"] == pytest.approx(200 * 200_000 * cost.WIRE * 8 / 100e6, abs=0.01)


def test_a_round_is_the_sum_of_its_parts():
    parts = cost.seconds(ONE, 200, 5, 1000)
    assert parts["seconds"] == pytest.approx(parts["wait"] + parts["down"] + parts["train"] + parts["up"] + parts["combine"], abs=0.03)
    assert (parts["wait"], parts["train"], parts["combine"]) == (3.0, 6.0, 2.0)


def test_the_table_says_how_often_a_thousand_nodes_ask():
    table = cost.table(ONE, 1000, 0.1)
    assert (table["asked_a_round"], table["pulls_per_s"], table["node_beats_per_s"]) == (100, 333.3, 33.3)
    assert table["bytes_down"] == round(100 * 200_000 * cost.WIRE)
    assert len(table["round_seconds"]) == len(cost.LINKS_MBIT) * len(cost.PORTAL_MBIT)
