"""The simulator: the same scenario gives the same figures, and the figures are the promised ones."""

from __future__ import annotations

import dataclasses
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from site_agents.__main__ import main
from site_agents.neighbours import people
from site_agents.neighbours.scenario import Scenario, sized
from site_agents.neighbours.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("SPECOLA_DATA") or ROOT.parent / "shared" / "data")
CROWD = people.synthesise()
PROMISED = ("server_share", "tpir", "tpir_server", "fpir", "fpir_server", "latency_p50_s", "latency_p95_s", "messages_per_sighting", "bytes_per_sighting")


@cache
def figures(**changes: Any) -> dict[str, Any]:
    return simulate(dataclasses.replace(Scenario(sightings=1_000), **changes), CROWD)


@cache
def real_faces() -> people.Population:
    """Embedded once for all sizes."""
    return people.gather(DATA)


def test_the_same_scenario_gives_the_same_figures():
    wanted = Scenario(sightings=300, cameras=9)
    assert simulate(wanted, CROWD) == simulate(wanted, CROWD)


def test_every_promised_figure_is_there():
    assert [name for name in PROMISED if not isinstance(figures()[name], int | float)] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_server_is_asked_for_less_than_half_and_staff_are_recognised_as_well(seed):
    result = figures(seed=seed)
    assert 0 < result["server_share"] <= 0.5
    assert result["intervals"]["tpir_server"]["low"] <= result["tpir"]


def test_with_hot_sets_alone_the_server_hears_of_strangers_and_of_first_sights_only():
    result = figures(strong=0.0, sightings=2_000)
    assert 0.3 < result["server_share"] < 0.7
    assert result["decided"]["neighbour"] == 0


def test_every_sighting_is_decided_once_by_somebody():
    assert sum(figures()["decided"].values()) == pytest.approx(1, abs=1e-3)
    assert figures()["decided"]["nobody"] == 0


def test_the_servers_share_is_what_it_decided_while_everybody_lives():
    assert figures()["server_share"] == figures()["decided"]["server"]


def test_with_the_server_dead_staff_are_recognised_and_it_costs_time():
    result = figures(dead_server=True)
    assert (result["server_share"], result["decided"]["server"]) == (0, 0)
    assert result["tpir"] >= result["intervals"]["tpir_server"]["low"]
    assert result["latency_p95_s"] > 1.0 > result["latency_server_p95_s"]


def test_without_server_and_without_any_whole_list_hardly_anybody_is_recognised_and_nobody_is_mistaken():
    result = figures(dead_server=True, strong=0.0)
    assert result["tpir"] < 0.5 < result["decided"]["nobody"]
    assert result["fpir"] <= result["fpir_server"]


def test_with_two_cameras_dead_the_others_go_on():
    result = figures(dead_cameras=2)
    assert result["tpir"] >= result["intervals"]["tpir_server"]["low"]
    assert result["decided"]["nobody"] == 0
    assert result["sightings"] < figures()["sightings"]


def test_more_whole_lists_spare_the_server_more():
    shares = [figures(strong=strong)["server_share"] for strong in (0.0, 0.17, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0


def test_slow_cameras_fall_back_on_the_server():
    assert figures(weak_capacity=1.0)["server_share"] > figures()["server_share"]


def test_the_command_plays_a_file_and_says_it_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPECOLA_DATA", str(tmp_path))
    (tmp_path / "scenario.toml").write_text("cameras = 4\nsightings = 100\n")
    assert main(["simulate", str(tmp_path / "scenario.toml")]) == 0
    assert "made-up embeddings" in capsys.readouterr().out


def test_the_command_says_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPECOLA_DATA", str(tmp_path))
    (tmp_path / "scenario.toml").write_text("cameras = 4\nsightings = 100\n")
    assert main(["simulate", str(tmp_path / "scenario.toml"), "--json", "--dead-cameras", "1", "--strong", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["people"], result["scenario"]["dead_cameras"], result["scenario"]["strong"]) == ("synthetic", 1, 1.0)


@pytest.mark.parametrize("more", [["--strong", "7"], ["--dead-cameras", "6"], ["--cache", "x", "--strangers", "nan"]])
def test_the_command_refuses_nonsense_with_one_sentence(more, capsys):
    assert main(["simulate", "--cameras", "6", *more]) == 1
    assert capsys.readouterr().err.startswith("agent: ")


def test_real_processes_are_not_started_by_the_hundred(capsys):
    assert main(["simulate", "--cameras", "300", "--processes"]) == 1
    assert "at most 12" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.long
@pytest.mark.parametrize("cameras", [6, 30, 300])
def test_on_real_faces_half_the_load_is_saved_and_nobody_is_lost(cameras):
    if not (DATA / "faces" / "lfw").exists():
        pytest.skip("not run: the evaluation data faces/lfw is not here (SPECOLA_DATA)")
    result = simulate(sized(cameras), real_faces())
    assert result["people"] == "lfw"
    assert result["server_share"] <= 0.5
    assert result["intervals"]["tpir_server"]["low"] <= result["tpir"]
    assert result["fpir"] <= result["intervals"]["fpir_server"]["high"]
