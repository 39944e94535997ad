"""The same protocol in real processes: it agrees with the simulator, and a killed server costs time only."""

from __future__ import annotations

import dataclasses

import pytest

from site_agents.neighbours import people, processes
from site_agents.neighbours.scenario import sized

pytestmark = pytest.mark.process

SHORT = dataclasses.replace(sized(6), sightings=200, hurry=100.0)


@pytest.mark.timeout(240)
def test_six_real_processes_agree_with_the_simulator():
    result = processes.run(SHORT, people.synthesise())
    assert result["processes"] == 7
    assert result["server_share"] == pytest.approx(result["simulated"]["server_share"], rel=0.1)
    assert result["tpir"] == pytest.approx(result["simulated"]["tpir"], abs=0.02)


@pytest.mark.timeout(240)
def test_when_the_servers_process_is_killed_the_others_recognise_staff_without_it():
    result = processes.run(dataclasses.replace(SHORT, dead_server=True), people.synthesise())
    assert result["decided"]["server"] == 0
    assert result["tpir"] >= result["intervals"]["tpir_server"]["low"]
