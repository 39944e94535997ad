"""The same protocol in real processes: it agrees with the simulator, and a killed server costs time only."""

from __future__ import annotations

import dataclasses

import pytest

from site_agents.neighbours import people, processes
from site_agents.neighbours.scenario import sized

SHORT = dataclasses.replace(sized(6), sightings=200, hurry=100.0)


@pytest.mark.timeout(240)
def test_six_real_processes_agree_with_the_simulator():
    said = processes.run(SHORT, people.synthesise())
    assert said["processes"] == 7
    assert said["server_share"] == pytest.approx(said["simulated"]["server_share"], rel=0.1)
    assert said["tpir"] == pytest.approx(said["simulated"]["tpir"], abs=0.02)


@pytest.mark.timeout(240)
def test_when_the_servers_process_is_killed_the_others_recognise_staff_without_it():
    said = processes.run(dataclasses.replace(SHORT, dead_server=True), people.synthesise())
    assert said["decided"]["server"] == 0
    assert said["tpir"] >= said["intervals"]["tpir_server"]["low"]
