"""Scenarios, the people in them and where they walk."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from site_agents.errors import ScenarioError
from site_agents.neighbours import people, scenario
from site_agents.neighbours.scenario import Scenario, check, load, sized

CROWD = people.synthesise()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return path


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path):
    assert load(written(tmp_path, "cameras = 9\nstrong = 1\n")) == Scenario(cameras=9, strong=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cameras = 9\nspeed = 3", r"toml:2: there is no setting 'speed'"),
        ("cameras = 9\n\nstrong = 'half'", r"toml:3: strong must be of the kind float"),
        ("cameras = 9.5", r"toml:1: cameras must be of the kind int"),
        ("cameras = true", r"toml:1: cameras must be of the kind int"),
        ("dead_server = 1", r"toml:1: dead_server must be of the kind bool"),
        ("cameras =", "toml: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(tmp_path, text, words):
    with pytest.raises(ScenarioError, match=words):
        load(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.toml"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "changes",
    [
        {"cameras": 1},
        {"cameras": 2_001},
        {"sightings": 9},
        {"strong": 1.1},
        {"strangers": -0.1},
        {"missed": 0.95},
        {"weak_capacity": 0.0},
        {"hurry": 0.0},
        {"link_s": -1.0},
        {"walkers": 0},
        {"room": 0},
        {"dead_cameras": 6},
        {"strong": float("nan")},
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ScenarioError):
        check(Scenario(**{"cameras": 6, **changes}))


@pytest.mark.parametrize("cameras", [2, 6, 30, 300])
def test_every_camera_can_be_reached_from_every_other(cameras):
    ways = scenario.paths(sized(cameras))
    reached = ["cam-0"]
    for camera in reached:
        reached += [each for each in ways[camera] if each not in reached]
    assert len(reached) == cameras == len(ways)


def test_a_way_there_is_a_way_back():
    ways = scenario.paths(sized(30))
    assert all(ways[b][a] == seconds for a, near in ways.items() for b, seconds in near.items())


def test_one_camera_in_six_keeps_the_whole_list():
    assert [len(scenario.strong(sized(n))) for n in (6, 30, 300)] == [1, 5, 51]


def test_who_dies_is_chosen_by_the_seed():
    wanted = sized(6, dead_cameras=2, dead_server=True)
    assert scenario.dead(wanted) == scenario.dead(wanted)
    assert len(scenario.dead(wanted)) == 3


def test_the_same_seed_gives_the_same_walks_and_another_seed_others():
    first, again, other = ([visit.person for visit in scenario.visits(Scenario(sightings=200, seed=seed), CROWD)] for seed in (1, 1, 2))
    assert first == again != other


def test_nobody_of_the_staff_is_in_two_places_at_once():
    seen = scenario.visits(Scenario(sightings=1_000), CROWD)
    for person in CROWD.templates:
        mine = sorted((visit.t, visit.until) for visit in seen if visit.person == person)
        assert all(until <= t for (_, until), (t, _) in itertools.pairwise(mine))


def test_every_next_camera_of_a_walk_is_a_neighbour_when_nobody_is_missed():
    wanted = Scenario(cameras=30, sightings=500, missed=0.0)
    ways, walks = scenario.paths(wanted), {}
    for visit in scenario.visits(wanted, CROWD):
        walks.setdefault(visit.key.rpartition("-")[0], []).append(visit.camera)
    assert all(b in ways[a] for cameras in walks.values() for a, b in itertools.pairwise(cameras))


def test_hurry_makes_the_same_walks_shorter():
    slow, fast = (scenario.visits(Scenario(sightings=300, hurry=hurry), CROWD) for hurry in (1.0, 10.0))
    assert [visit.person for visit in slow] == [visit.person for visit in fast]
    assert slow[-1].t == pytest.approx(10 * fast[-1].t)


def test_the_share_of_strangers_is_the_one_that_was_asked_for():
    seen = scenario.visits(Scenario(sightings=5_000, strangers=0.3), CROWD)
    assert np.mean([visit.person not in CROWD.templates for visit in seen]) == pytest.approx(0.3, abs=0.06)


def test_made_up_people_say_that_they_are_made_up(tmp_path):
    assert people.gather(tmp_path).source == "synthetic"


def test_made_up_faces_are_normalised_and_nearer_to_their_own_person():
    own = [float((CROWD.staff[person] @ template).mean()) for person, template in CROWD.templates.items()]
    others = [CROWD.strangers[f"stranger-{n}"] @ CROWD.templates["staff-0"] for n in range(100)]
    assert np.allclose([np.linalg.norm(each) for each in CROWD.templates.values()], 1, atol=1e-5)
    assert min(own) > 0.3 > float(np.max(others)) - 0.1


def test_a_broken_cache_is_named(tmp_path):
    (tmp_path / "cache.npz").write_bytes(b"no archive")
    with pytest.raises(ScenarioError, match="remove it"):
        people.read_cache(tmp_path / "cache.npz")


def test_a_cache_gives_back_what_was_put_in(tmp_path):
    np.savez(tmp_path / "cache.npz", paths=np.array(["a/1.jpg"]), embeddings=np.ones((1, 128), np.float32))
    assert people.read_cache(tmp_path / "cache.npz")["a/1.jpg"].shape == (128,)
