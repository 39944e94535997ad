"""The agents' door: enrolling, heartbeats, frames and models; everything else is refused with its status and one audit row."""

from __future__ import annotations

import datetime
import json
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from redis.exceptions import ConnectionError as RedisGone

from federated.trust import csr, pki, signing
from portal.core.models import AuditRow
from portal.sites import actions
from portal.sites.config import portal_key
from portal.sites.models import Agent, EnrolmentCode
from portal.training.models import ModelState, ModelVersion
from tests.portal.portal_scene import machine, place, watch_lawn
from tests.portal.training_scene import model
from tests.portal.wire import signed_headers

pytestmark = pytest.mark.django_db
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 200


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    cache.clear()


@pytest.fixture
def square():
    return place()


@pytest.fixture
def gate(square):
    return machine(square.door)


def enrol(code, key=None, **changes):
    body = {"code": code, "csr": csr.make(key or Ed25519PrivateKey.generate(), "gate"), "versions": {"specola": "0.1.0"}, **changes}
    return Client().post("/api/v1/agents/enrol", json.dumps(body), content_type="application/json")


def code_for(camera):
    return actions.make_code(user="system", camera=camera)


def beat(agent, **changes):
    fields = {"t": time.time(), "config_version": None, "camera": {"state": "live", "fps": 5}, "outbox": {"pending": 0}, **changes}
    return agent.send("POST", "heartbeat", fields)


def refusals():
    return [row.data["status"] for row in AuditRow.objects.filter(verb="machine.refused")]


def test_a_code_makes_an_agent_of_the_camera_it_was_made_for(square):
    answer = enrol(code_for(square.door)).json()
    assert (answer["site"], answer["camera"], answer["fleet"]) == ("square", "gate", None)
    assert answer["portal_public_key"] == signing.public_text(portal_key())
    assert str(Agent.objects.get().pk) == answer["agent_id"]


def test_capitals_and_spaces_around_a_code_do_not_matter(square):
    assert enrol(f" {code_for(square.door).upper()} ").status_code == 201


def test_a_code_works_once(square):
    code = code_for(square.door)
    assert [enrol(code).status_code for _ in range(2)] == [201, 403]
    assert refusals() == [403]


def test_a_code_expires(square):
    code = code_for(square.door)
    EnrolmentCode.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    assert enrol(code).status_code == 403


def test_a_guessed_code_is_refused_and_written_down(square):
    assert enrol("aaaa-bbbb-cccc-dddd").status_code == 403
    row = AuditRow.objects.get()
    assert (row.actor, row.verb, row.data["status"]) == ("unknown", "machine.refused", 403)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"code"', b'{"code": "x"}', b'{"code": "x", "csr": [7]}', b"\xff\xfe"])
def test_a_malformed_enrolment_is_400(body):
    assert Client().post("/api/v1/agents/enrol", body, content_type="application/json").status_code == 400
    assert refusals() == [400]


@pytest.mark.parametrize("request_", ["", "not PEM!", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "x" * 9000])
def test_a_request_that_is_none_is_refused_and_the_code_stays_good(square, request_):
    code = code_for(square.door)
    assert enrol(code, csr=request_).status_code == 400
    assert enrol(code).status_code == 201


def test_a_training_key_must_be_a_p384_key(square):
    assert enrol(code_for(square.door), node_public_key="ssh-ed25519 AAAA").status_code == 400


def test_an_agent_that_trains_is_given_to_the_worker_to_register(square, tmp_path):
    assert enrol(code_for(square.door), node_public_key=pki.make_node_key(tmp_path / "node.key")).status_code == 201
    job = ProcrastinateJob.objects.get()
    assert (job.task_name, job.args) == ("sites.register_node", {"agent_id": str(Agent.objects.get().pk)})


def test_a_new_agent_replaces_the_earlier_one_of_its_camera(square, gate):
    assert enrol(code_for(square.door)).status_code == 201
    gate.agent.refresh_from_db()
    assert gate.agent.revoked
    assert beat(gate).status_code == 403


def test_the_same_key_enrolling_again_stays_the_same_agent(square, gate):
    answer = enrol(code_for(square.door), gate.key)
    assert answer.json()["agent_id"] == str(gate.agent.pk)
    assert beat(gate).status_code == 200


def test_a_key_cannot_move_to_another_camera(square, gate):
    assert enrol(code_for(square.square), gate.key).status_code == 400


def test_a_heartbeat_is_kept_with_the_clocks_difference(gate):
    beat(gate, t=time.time() - 42, disk_free=1e9)
    agent = Agent.objects.get()
    assert agent.clock_skew == pytest.approx(42, abs=5)
    assert (agent.health["disk_free"], agent.health["camera"]["fps"]) == (1e9, 5)
    assert (timezone.now() - agent.last_seen).total_seconds() < 30


def test_a_new_agent_gets_its_signed_configuration(square):
    lawn = machine(watch_lawn(square.square))
    config = beat(lawn).json()["config"]
    body = signing.verify_document(config, signing.public_text(portal_key()))
    assert (body["version"], body["site"], body["camera"], body["legal_mode"]) == (2, "square", "lawn", "M0")
    assert {"kind": "person_in_zone", "zone": "lawn", "min_s": 2, "cooldown_s": 10} in body["rules"]


def test_a_current_agent_gets_none_until_something_changes(square, gate):
    beat(gate)
    assert beat(gate, config_version=1).json()["config"] is None
    actions.change_mode(user=square.person("manager"), camera_id=square.door.pk, mode="M1", reason="Agreement 12/2026")
    assert beat(gate, config_version=1).json()["config"]["legal_mode"] == "M1"


def test_an_answer_that_was_lost_is_given_again(gate):
    first, second = beat(gate).json(), beat(gate).json()
    assert first["config"]["version"] == second["config"]["version"] == 1


def test_a_configuration_that_runs_out_is_renewed(gate):
    beat(gate)
    cache.clear()
    assert beat(gate, config_version=1).json()["config"]["valid_until"] > time.time() + 3600


def test_the_stop_button_reaches_the_agent_with_the_next_heartbeat(square, gate):
    actions.change_mode(user=square.person("manager"), camera_id=square.door.pk, mode="M1", reason="Agreement 12/2026")
    beat(gate)
    actions.stop_biometrics(user=square.person("operator"), site=square.site)
    answer = beat(gate, config_version=2).json()
    assert answer["stop_biometrics"] is True
    assert (answer["config"]["legal_mode"], answer["gallery"]) == ("M0", None)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"t": "now"}', b'{"t": true}', b'{"t": 1e999}', b'{"t": 1, "camera": {"x": NaN}}', b'{"t":1,"a":"\\u0000"}']
)
def test_a_senseless_heartbeat_is_400_and_changes_nothing(gate, body):
    assert gate.send("POST", "heartbeat", body).status_code == 400
    assert Agent.objects.get().last_seen is None
    assert refusals() == [400]


def test_a_huge_heartbeat_is_413(gate):
    assert beat(gate, models={str(n): "x" * 1000 for n in range(100)}).status_code == 413
    assert refusals() == [413]


def test_a_frame_is_kept_only_while_somebody_looks(square, gate):
    assert gate.send("PUT", "frame", JPEG).status_code == 204
    assert cache.get(f"frame:{square.door.pk}") is None
    cache.set(f"watch:{square.door.pk}", True, 10)
    assert beat(gate).json()["watch"] is True
    gate.send("PUT", "frame", JPEG)
    assert bytes(cache.get(f"frame:{square.door.pk}")) == JPEG


def test_nobody_looking_is_told_with_the_heartbeat(gate):
    assert beat(gate).json()["watch"] is False


@pytest.mark.parametrize(("content", "status"), [(b"", 400), (b"GIF89a", 400), (b"<svg/>", 400), (JPEG + b"\0" * 3_000_000, 413)])
def test_a_frame_is_a_jpeg_of_at_most_two_megabytes(gate, content, status):
    assert gate.send("PUT", "frame", content).status_code == status
    assert refusals() == [status]


def test_only_a_model_that_is_meant_for_the_agent_is_given(gate):
    wanted, other = model(b"model bytes").sha256, model(b"another model", "0.1.0+2").sha256
    ModelVersion.objects.filter(sha256=wanted).update(state=ModelState.PUBLISHED, published=timezone.now())
    answers = [gate.send("GET", f"models/{name}") for name in (wanted, other, "0" * 64, "nonsense")]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 404]
    assert answers[0].content == b"model bytes"


def test_what_became_of_a_model_is_kept(gate):
    fields = {"detector": "anomaly", "sha256": "a" * 64, "outcome": "refused", "reason": "self-test failed"}
    assert gate.send("POST", "agents/models", fields).status_code == 204
    assert AuditRow.objects.get().actor == f"agent:{gate.agent.pk}"


@pytest.mark.parametrize("change", [{"outcome": "liked"}, {"sha256": "short"}, {"detector": ""}])
def test_a_senseless_outcome_is_400(gate, change):
    fields = {"detector": "anomaly", "sha256": "a" * 64, "outcome": "installed", **change}
    assert gate.send("POST", "agents/models", fields).status_code == 400


CALLS = [
    ("POST", "heartbeat"),
    ("POST", "agents/rotate"),
    ("PUT", "frame"),
    ("GET", f"models/{'a' * 64}"),
    ("POST", "agents/models"),
    ("POST", "events"),
    ("PUT", f"media/{'a' * 64}"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_machine_call_without_a_signature_is_401_and_one_row(method, path):
    answer = Client().generic(method, f"/api/v1/{path}", b"{}", content_type="application/json")
    assert answer.status_code == 401
    assert "error" in answer.json()
    assert refusals() == [401]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_machine_call_of_a_revoked_agent_is_403_and_one_row(gate, method, path):
    Agent.objects.update(revoked=timezone.now())
    assert gate.send(method, path, b"{}").status_code == 403
    assert refusals() == [403]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_no_persons_token_or_session_opens_a_machine_call(square, method, path):
    client = Client()
    client.force_login(square.person("administrator"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.generic(method, f"/api/v1/{path}", b"{}", content_type="application/json").status_code == 401


def signed(gate, body=b'{"t": 1}', key=None, key_id=None, **changes):
    headers = signed_headers("POST", "http://testserver/api/v1/heartbeat", body, key or gate.key, key_id or str(gate.agent.pk), **changes)
    return headers, lambda sent=body: Client().post("/api/v1/heartbeat", sent, content_type="application/json", headers=headers)


@pytest.mark.parametrize("skew", [-4000, 4000, 301, -302])
def test_a_stale_signature_tells_the_agent_its_clocks_error(gate, skew):
    _, send = signed(gate, now=time.time() - skew)
    answer = send()
    assert answer.status_code == 401
    assert answer.json()["skew_s"] == pytest.approx(skew, abs=5)


def test_a_replayed_message_is_409(gate):
    _, send = signed(gate)
    assert [send().status_code for _ in range(3)] == [200, 409, 409]
    assert refusals() == [409, 409]


def test_another_body_under_the_same_signature_is_401(gate):
    _, send = signed(gate)
    assert send(b'{"t": 2}').status_code == 401


def test_another_address_under_the_same_signature_is_401(gate):
    headers, _ = signed(gate)
    assert Client().post("/api/v1/heartbeat?x=1", b'{"t": 1}', content_type="application/json", headers=headers).status_code == 401


@pytest.mark.parametrize("key_id", ["nonsense", str(uuid.UUID(int=1)), "", "'; DROP TABLE", "x" * 3000])
def test_an_unknown_key_is_401(gate, key_id):
    _, send = signed(gate, key_id=key_id or " ")
    assert send().status_code == 401


def test_a_foreign_key_under_our_name_is_401(gate):
    _, send = signed(gate, key=Ed25519PrivateKey.generate())
    assert send().status_code == 401
    assert refusals() == [401]


def test_a_body_too_large_is_413_before_it_is_looked_at(gate, settings):
    assert gate.send("PUT", f"media/{'a' * 64}", b"\xff\xd8\xff" + b"\0" * 12_700_000).status_code == 413
    assert refusals() == [413]


def test_without_the_memory_of_nonces_nothing_is_believed(gate, monkeypatch):
    def away(*_args, **_kwargs):
        raise RedisGone

    monkeypatch.setattr("portal.sites.authentication.cache.add", away)
    assert beat(gate).status_code == 503
    assert Agent.objects.get().last_seen is None


def test_a_heartbeat_costs_few_questions(gate, django_assert_max_num_queries):
    beat(gate, config_version=1)
    with django_assert_max_num_queries(6):
        beat(gate, config_version=1)
