"""Recorded conversations of agents and portals of earlier versions: every message is still understood, by the types and by the real endpoints."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from federated.contract.disagreement import DisagreementMessage
from federated.contract.enrolment import EnrolmentAnswer, EnrolmentRequest
from federated.contract.events import AgentEvent, EventsAnswer, EventsBatch
from federated.contract.heartbeat import Heartbeat, HeartbeatAnswer
from federated.contract.key_rotation import KeyRotationAnswer, KeyRotationRequest
from federated.contract.message import UNVERSIONED, VERSION
from federated.contract.model_outcome import ModelOutcomeMessage
from federated.trust import csr, pki, signing
from federated.trust.staff_list import box_text, load_or_make_box_key
from portal.sites import actions
from portal.sites.models import Agent
from site_agents import signed_config
from tests.portal.portal_scene import Machine, place, signed_in, watch_lawn

RECORDED = Path(__file__).resolve().parents[1] / "contract" / "recorded"
CALLS = {folder.name: [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))] for folder in sorted(RECORDED.iterdir()) if folder.is_dir()}
KINDS: dict[str, tuple[type, type | None]] = {
    "/api/v1/agents/enrol": (EnrolmentRequest, EnrolmentAnswer),
    "/api/v1/agents/rotate": (KeyRotationRequest, KeyRotationAnswer),
    "/api/v1/agents/models": (ModelOutcomeMessage, None),
    "/api/v1/agents/disagreements": (DisagreementMessage, None),
    "/api/v1/heartbeat": (Heartbeat, HeartbeatAnswer),
    "/api/v1/events": (EventsBatch, EventsAnswer),
}


def named(call: dict[str, Any]) -> str:
    return call["path"].removeprefix("/api/v1/")


def test_every_version_before_this_was_recorded_whole():
    assert [*CALLS] == [f"1.{minor}" for minor in range(int(VERSION.partition(".")[2]))]
    for calls in CALLS.values():
        assert {call["path"] for call in calls} == set(KINDS)


@pytest.mark.parametrize(
    ("version", "call"),
    [(version, call) for version, calls in CALLS.items() for call in calls],
    ids=lambda each: each if isinstance(each, str) else named(each),
)
def test_a_recorded_message_is_parsed_by_todays_types(version, call):
    asked, answered = KINDS[call["path"]]
    parsed = asked.parse(call["request"])
    assert parsed.contract == version
    if answered and call["status"] < 300:
        answered.parse(call["answer"])
    for event in call["request"].get("events", ()):
        assert AgentEvent.parse(event, version=parsed.contract).id == event["id"]


def test_the_recorded_configuration_is_accepted_by_todays_agent():
    document = next(call["answer"]["config"] for call in CALLS[UNVERSIONED] if named(call) == "heartbeat" and call["answer"]["config"])
    key = Ed25519PrivateKey.generate()
    identity = signed_config.Identity("square", "gate", signing.public_text(key))
    accepted = signed_config.verify(signing.sign_document(document, key), identity)
    assert (accepted.version, accepted.legal_mode, len(accepted.rules)) == (document["version"], "M1", len(document["rules"]))


@pytest.mark.django_db
@pytest.mark.parametrize("version", CALLS)
def test_the_recorded_conversation_is_answered_as_it_was(tmp_path, version):
    square = place()
    watch_lawn(square.door)
    actions.change_mode(user=square.person("manager"), camera_id=square.door.pk, mode="M1", reason="Agreement 12/2026")
    administrator = square.person("administrator")
    code = actions.make_code(user=administrator, camera=square.door)
    player = Player(tmp_path, code)
    for call in CALLS[version]:
        status, answer = player.play(call)
        assert status == call["status"], (named(call), answer)
        assert set(call["answer"] or ()) <= set(answer), named(call)
    agent = Agent.objects.get()
    assert (agent.heartbeat.contract, agent.heartbeat.door.people, agent.contract_problem) == (version, 1, "")
    reader = signed_in(administrator)
    assert [reader.get(page).status_code for page in ("/agents/", "/training/models/", "/sites/square/neighbours/", "/")] == [200] * 4


class Player:
    """Plays recorded calls with keys of its own."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder, self.code, self.agent_id = folder, code, ""
        self.key, self.next = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.box = box_text(load_or_make_box_key(folder / "box.key"))

    def play(self, call: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One call; its status and answer."""
        if named(call) == "agents/enrol":
            return self.enrol(call["request"])
        machine = Machine(Agent.objects.get(), self.key)
        body = dict(call["request"])
        if named(call) == "agents/rotate":
            body |= {"csr": csr.make(self.next, self.agent_id), "node_public_key": pki.make_node_key(self.folder / "next.key")}
        if named(call) == "heartbeat":
            body["t"] = time.time()
            if "gallery" in body:
                body["gallery"] = {**body["gallery"], "key": self.box}
        answer = machine.send(call["method"], call["path"].removeprefix("/api/v1/"), body)
        if named(call) == "agents/rotate":
            self.key = self.next
        return answer.status_code, answer.json() if answer.content else {}

    def enrol(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = {**request, "code": self.code, "csr": csr.make(self.key, "gate"), "node_public_key": pki.make_node_key(self.folder / "node.key")}
        answer = Client().post("/api/v1/agents/enrol", json.dumps(body), content_type="application/json")
        self.agent_id = answer.json().get("agent_id", "")
        return answer.status_code, answer.json()
