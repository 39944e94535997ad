"""Hundreds of wrong messages (two thousand with --long), made from the contract's types and sent as agents do: no 5xx, and each refusal names the field."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings

from federated.contract.enrolment import EnrolmentRequest
from federated.contract.events import AgentEvent
from federated.contract.heartbeat import Heartbeat
from federated.contract.message import ContractError
from federated.contract.model_outcome import ModelOutcomeMessage
from portal.alerts.models import Event
from portal.core.models import AuditRow
from portal.sites.models import Agent
from tests.contract.generated import Wrong, valid, wrong
from tests.portal.portal_scene import machine, place, signed_in

EACH = [120, pytest.param(500, marks=pytest.mark.long)]
PAGES = ["/agents/", "/training/models/", "/training/", "/health/", "/sites/square/cameras/lawn/", "/sites/square/neighbours/", "/", "/wall/", "/api/v1/agents"]
generated = settings(derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture
def square(db):
    return place()


@pytest.fixture
def lawn(square):
    agent = machine(square.square)
    assert agent.send("POST", "heartbeat", {"t": time.time(), "models": {"anomaly": "a" * 64}}).status_code == 200
    return agent


def body_of(found: Wrong) -> bytes:
    """As Python writes it: NaN and Infinity too, which are no JSON."""
    return json.dumps(found.data).encode()


def check(found: Wrong, status: int, answer: dict) -> None:
    """A refusal by the name of the field; what is no JSON at all, or too large, has none."""
    assert status in (400, 413), (found, answer)
    no_json = answer["error"].startswith("not JSON") or status == 413
    assert no_json or answer["field"].startswith(found.field[:200]), (found, answer)
    assert no_json or found.field in answer["error"], (found, answer)


def pages_stand(square, before: dict) -> None:
    reader = signed_in(square.person("administrator"))
    assert {page: reader.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, 200)
    assert Agent.objects.get().health == before


def run(kind, send, each: int) -> Counter:
    ways: Counter = Counter()

    @settings(generated, max_examples=each)
    @given(wrong(kind))
    def once(found: Wrong) -> None:
        with pytest.raises(ContractError):
            kind.parse(found.data)
        ways[found.how] += 1
        send(found)

    once()
    assert sum(ways.values()) >= each
    assert len(ways) >= 6, ways
    return ways


@pytest.mark.parametrize("each", EACH)
def test_wrong_heartbeats(square, lawn, each):
    before = Agent.objects.get().health

    def send(found: Wrong) -> None:
        answer = lawn.send("POST", "heartbeat", body_of(found))
        check(found, answer.status_code, answer.json())

    ways = run(Heartbeat, send, each)
    assert AuditRow.objects.filter(verb="machine.refused").count() == sum(ways.values())
    pages_stand(square, before)


@pytest.mark.parametrize("each", EACH)
def test_wrong_model_outcomes(square, lawn, each):
    before = Agent.objects.get().health

    def send(found: Wrong) -> None:
        answer = lawn.send("POST", "agents/models", body_of(found))
        check(found, answer.status_code, answer.json())

    run(ModelOutcomeMessage, send, each)
    pages_stand(square, before)


@pytest.mark.parametrize("each", EACH)
def test_wrong_enrolments(square, lawn, each):
    before = Agent.objects.get().health

    def send(found: Wrong) -> None:
        answer = Client().post("/api/v1/agents/enrol", body_of(found), content_type="application/json")
        check(found, answer.status_code, answer.json())

    run(EnrolmentRequest, send, each)
    pages_stand(square, before)


@pytest.mark.parametrize("each", EACH)
def test_wrong_events_are_refused_one_by_one_and_the_good_one_between_them_is_kept(square, lawn, each):
    before = Agent.objects.get().health
    place_ = {"site": "square", "camera": "lawn"}
    good = {"t": time.time(), "seq": 1, "kind": "anomaly", "score": 0.5, "legal_mode": "M0", **place_}

    def send(found: Wrong) -> None:
        of_us = {**found.data, **place_} if isinstance(found.data, dict) and found.field not in ("site", "camera") else found.data
        answer = lawn.send("POST", "events", json.dumps({"events": [of_us, {**good, "id": str(uuid.uuid4())}], "sent_t": 1.0}).encode())
        if answer.status_code in (400, 403, 413):  # no JSON at all, or an event of somewhere else
            assert answer.json()["error"]
            return
        assert answer.status_code == 200
        ((rejected,), accepted) = answer.json()["rejected"], answer.json()["accepted"]
        assert len(accepted) == 1
        assert found.field in rejected["reason"], (found, rejected)

    run(AgentEvent, send, each)
    assert 0 < Event.objects.count() <= each + 10
    pages_stand(square, before)


@pytest.mark.parametrize("kind", [Heartbeat, ModelOutcomeMessage, EnrolmentRequest, AgentEvent])
def test_what_is_made_valid_is_valid_and_comes_back(kind):
    @settings(generated, max_examples=60)
    @given(valid(kind))
    def once(data: dict) -> None:
        parsed = kind.parse(data)
        assert kind.parse(parsed.to_json()) == parsed

    once()


def test_valid_heartbeats_made_from_the_contract_are_taken_and_every_page_stands(square, lawn):
    @settings(generated, max_examples=60)
    @given(valid(Heartbeat))
    def once(data: dict) -> None:
        assert lawn.send("POST", "heartbeat", data).status_code == 200
        reader_sees()

    reader = signed_in(square.person("administrator"))

    def reader_sees() -> None:
        assert [reader.get(page).status_code for page in PAGES[:3]] == [200] * 3

    once()
