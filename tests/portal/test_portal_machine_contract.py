"""A heartbeat that is not what the contract says is refused by name and shown where agents are kept; what it reported before stays, and nobody else notices."""

from __future__ import annotations

import datetime
import json
import time

import pytest
from django.utils import timezone

from portal.core.models import AuditRow
from portal.people import erase
from portal.sites import state
from portal.sites.models import Agent
from portal.training.models import Canary
from portal.training.rollout import canary
from tests.portal.portal_scene import machine, place, signed_in
from tests.portal.training_scene import administrator, model

WRONG = [{"models": 5}, {"data": 5}, {"gallery": 5}, {"models": {"anomaly": None}}, {"trials": []}, {"camera": {"stages_ms": {"people": "slow"}}}]
PAGES = ["/agents/", "/sites/square/", "/sites/square/cameras/gate/", "/sites/square/neighbours/", "/training/", "/training/models/", "/health/", "/", "/wall/"]
GOOD = {"camera": {"state": "live", "fps": 5.0}, "models": {"anomaly": "a" * 64}, "data": {"anomaly": 31}, "config_version": 1}


@pytest.fixture
def square(db):
    return place()


@pytest.fixture
def gate(square):
    return machine(square.door)


def beat(agent, **fields):
    return agent.send("POST", "heartbeat", {"t": time.time(), **fields})


def good_then(agent, **wrong):
    assert beat(agent, **GOOD, gallery={"version": 4, "key": "k"}).status_code == 200
    answer = beat(agent, **wrong)
    agent.agent.refresh_from_db()
    return answer


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_heartbeat_is_400_by_name_with_one_audit_row_and_changes_nothing(gate, wrong):
    answer = good_then(gate, **wrong)
    (field,) = wrong
    assert (answer.status_code, answer.json()["field"].startswith(field), field in answer.json()["error"]) == (400, True, True)
    (row,) = AuditRow.objects.filter(verb="machine.refused")
    assert field in row.data["reason"]
    assert (gate.agent.heartbeat.models, gate.agent.heartbeat.gallery.version) == ({"anomaly": "a" * 64}, 4)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_nobody_else_notices_a_wrong_heartbeat(square, gate, wrong):
    square.door.legal_mode = "M1"
    square.door.save()
    good_then(gate, **wrong)
    reader = signed_in(square.person("administrator"))
    assert [(page, reader.get(page).status_code) for page in PAGES] == [(page, 200) for page in PAGES]
    assert [each.version for each in erase.confirmed(square.site)] == [4]
    by = administrator()
    tried = canary.start(user=by, model_id=model(b"weights").pk, cameras=[square.door.pk])
    canary.watch_all()
    assert Canary.objects.get(pk=tried.pk).ended is None


def test_the_agent_is_shown_to_speak_an_unknown_version_until_it_is_understood_again(square, gate):
    good_then(gate, models=5)
    reader = signed_in(square.person("administrator"))
    for page in ("/agents/", "/sites/square/cameras/gate/"):
        text = reader.get(page).content.decode()
        assert "Speaks an unknown version" in text
        assert "models: expected" in text
        italian = reader.get(page, headers={"accept-language": "it"}).content.decode()
        assert "Parla una versione sconosciuta" in italian
    beat(gate, **GOOD)
    text = reader.get("/agents/").content.decode()
    assert "unknown version" not in text


def test_an_agent_that_fell_silent_after_a_refusal_is_silent(gate):
    good_then(gate, models=5)
    now = timezone.now()
    assert state.of(gate.agent, now).name == "unknown"
    gate.agent.last_seen = now
    assert state.of(gate.agent, now + datetime.timedelta(minutes=2)).name == "silent"


def test_an_unknown_field_is_refused_from_todays_agents_and_counted_from_newer_ones(square, gate):
    assert beat(gate, **GOOD, wheels=4).json()["field"] == "wheels"
    assert beat(gate, **GOOD, wheels=4, contract="1.9").status_code == 200
    agent = Agent.objects.get()
    assert (agent.fields_dropped, agent.heartbeat.contract, "wheels" in agent.health) == (1, "1.9", False)
    assert "newer version of the contract (1.9)" in signed_in(square.person("administrator")).get("/agents/").content.decode()
    beat(gate, **GOOD)
    assert Agent.objects.get().fields_dropped == 0


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"t": 1, "camera": ' + b'{"x":' * 200 + b"1" + b"}" * 201, b'{"t": 1e400}', b"\xff\xfe", b"null"])
def test_a_hostile_body_is_400_and_noted(gate, body):
    assert gate.send("POST", "heartbeat", body).status_code == 400
    gate.agent.refresh_from_db()
    assert gate.agent.contract_problem


@pytest.mark.parametrize("stored", [None, 7, [], "live", {"models": 5}, {"t": "now"}])
def test_what_was_stored_before_the_contract_and_makes_no_sense_is_no_heartbeat(stored):
    assert Agent(health=stored).heartbeat is None


def test_the_stored_heartbeat_of_yesterdays_portal_is_read():
    assert Agent(health=json.loads('{"t": 5, "versions": {"specola": "0.1.0"}, "gallery": {"version": 3, "key": "k"}}')).heartbeat.gallery.version == 3


@pytest.mark.parametrize("site", ["\x00", "\ud800"])
def test_a_refusal_that_quotes_what_no_database_takes_is_still_a_refusal(square, gate, site):
    event = {"id": "0192f0c1-2b3c-7d4e-8f50-111213141516", "site": site, "camera": "gate"}
    assert gate.send("POST", "events", {"events": [event]}).status_code in (400, 403)
    assert gate.send("PUT", "media/%00", b"\xff\xd8\xff").status_code in (400, 404)
