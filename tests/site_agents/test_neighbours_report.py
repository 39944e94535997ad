"""The figures are counted as they are described, and the site of a scenario is built as it says."""

from __future__ import annotations

import numpy as np
import pytest

from site_agents.neighbours import people, scenario, site
from site_agents.neighbours.node import Decided
from site_agents.neighbours.people import Population
from site_agents.neighbours.report import SimulationRun, name_given, report
from site_agents.neighbours.scenario import Scenario, SimulatedVisit

PROBE = np.eye(128, dtype=np.float32)[0]
CROWD = Population("synthetic", {"anna": PROBE, "bruno": PROBE}, {}, {}, 0.44)


def visit(key: str, person: str) -> SimulatedVisit:
    return SimulatedVisit(key, 0.0, 1.0, "cam-0", person, PROBE)


def run(*result: tuple[str, str, str | None, str]) -> SimulationRun:
    """A run of visits: key, who it was, who was named, and where."""
    made = SimulationRun({key: visit(key, person) for key, person, _, _ in result})
    made.decided = {key: Decided(key, named, 0.9, where, 0.1) for key, _, named, where in result}
    return made


def figures(ours: SimulationRun) -> dict:
    return report(Scenario(), CROWD, ours, ours)


def test_only_the_own_name_counts_as_recognised():
    result = figures(run(("1", "anna", "anna", "local"), ("2", "anna", "bruno", "local"), ("3", "bruno", None, "server"), ("4", "bruno", "bruno", "server")))
    assert result["tpir"] == 0.5


def test_any_name_for_a_stranger_counts_as_false():
    assert figures(run(("1", "s1", "anna", "local"), ("2", "s2", None, "server"), ("3", "anna", None, "server")))["fpir"] == 0.5


def test_a_sighting_without_a_decision_counts_as_missed_and_not_as_left_out():
    ours = run(("1", "anna", "anna", "local"), ("2", "anna", "anna", "local"), ("3", "s", None, "local"))
    del ours.decided["2"]
    result = figures(ours)
    assert (result["tpir"], result["decided"]["nobody"], result["sightings"]) == (0.5, pytest.approx(1 / 3, abs=1e-3), 3)
    assert name_given(ours, ours.visits["2"]) is None


def test_the_interval_draws_people_and_not_pictures():
    ours = run(*((f"a{n}", "anna", "anna", "local") for n in range(50)), *((f"b{n}", "bruno", None, "local") for n in range(50)), ("s", "s", None, "local"))
    assert [figures(ours)["intervals"]["tpir"][end] for end in ("low", "value", "high")] == [0.0, 0.5, 1.0]


def test_the_difference_is_taken_face_by_face():
    ours, rival = run(("1", "anna", "anna", "local"), ("s", "s", None, "local")), run(("1", "anna", None, "server"), ("s", "s", None, "server"))
    assert report(Scenario(), CROWD, ours, rival)["intervals"]["tpir_difference"]["value"] == 1.0


def test_the_servers_share_is_the_queries_it_got_for_each_sighting():
    ours = run(("1", "anna", "anna", "server"), ("2", "s", None, "local"))
    for name, kind, t in (("server", "QUERY", 1.0), ("server", "LOAD", 1.0), ("cam-1", "QUERY", 1.0)):
        ours.received(name, kind, t)
    assert figures(ours)["server_share"] == 0.5


def test_what_came_before_a_death_is_not_counted():
    ours = SimulationRun({}, since=10.0)
    for t in (9.9, 10.0):
        ours.sent("SEEN", 100, t)
        ours.received("server", "QUERY", t)
    assert (ours.messages["SEEN"], ours.bytes, ours.asked_server) == (1, 100, 1)


def test_half_and_95_of_100_wait_no_longer_than_said():
    ours = run(*((f"{n}", "anna", "anna", "local") for n in range(101)), ("s", "s", None, "local"))
    for n in range(101):
        ours.decided[f"{n}"] = Decided(f"{n}", "anna", 0.9, "local", n / 100)
    assert (figures(ours)["latency_p50_s"], figures(ours)["latency_p95_s"]) == (pytest.approx(0.495, abs=0.01), pytest.approx(0.95, abs=0.01))


def test_the_rival_has_no_neighbours_and_no_list():
    settings = site.alone(site.settings_of(Scenario(cameras=9, strong=1.0), 0.44, "key"))
    assert {(each.neighbours, each.helpers, each.complete) for name, each in settings.items() if name != "server"} == {((), (), False)}
    assert settings["server"].complete


def test_helpers_are_the_nearest_cameras_with_the_whole_list_that_are_no_neighbours():
    wanted = Scenario(cameras=30, strong=0.3)
    settings, whole, ways = site.settings_of(wanted, 0.44, "key"), scenario.strong(wanted), scenario.paths(wanted)
    for name, near in ways.items():
        helpers = settings[name].helpers
        assert len(helpers) == 2
        assert set(helpers) <= whole - set(near) - {name}


def test_whoever_hurries_shortens_the_times_of_walks_and_not_those_of_wires():
    slow, fast = (site.settings_of(Scenario(hurry=hurry), 0.44, "key")["cam-0"] for hurry in (1.0, 10.0))
    assert (fast.transit_s, fast.stay_s) == (slow.transit_s / 10, slow.stay_s / 10)
    assert (fast.server_s, fast.neighbour_s, fast.deadline_s) == (slow.server_s, slow.neighbour_s, slow.deadline_s)


def test_only_cameras_with_the_whole_list_and_the_server_hold_faces_at_the_start():
    (key, public), wanted, crowd = site.new_key(), Scenario(), people.synthesise()
    nodes = site.settle(site.settings_of(wanted, crowd.threshold, public), site.issue(crowd, key))
    assert {name for name, each in nodes.items() if each.gallery.entries} == scenario.strong(wanted) | {"server"}
    assert {len(each.gallery.people) for each in nodes.values()} == {150}
