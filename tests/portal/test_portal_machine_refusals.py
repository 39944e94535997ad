"""Whatever an agent should not do is refused with its status, stores nothing, and leaves exactly one audit row that says who, where and why."""

from __future__ import annotations

import json
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.alerts.models import Alert, Event
from portal.core.models import AuditRow
from tests.portal.alert_scene import scene
from tests.portal.signed_client import post_events, send_in_process
from tests.portal.wire import signed_headers

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/events"
ADDRESS = "http://testserver" + EVENTS


@pytest.fixture
def square():
    cache.clear()
    return scene()


def body_of(*events):
    return json.dumps({"events": list(events)}).encode()


def post(square, body, **changes):
    """A batch, signed by the agent unless `changes` say otherwise."""
    key, key_id = changes.pop("key", square.key), changes.pop("key_id", str(square.agent.pk))
    return send_in_process("POST", EVENTS, body, key, key_id, **changes)


def unsigned(square):
    return post(square, body_of(square.event()), headers={"Content-Type": "application/json"})


def signed_by_a_stranger(square):
    return post(square, body_of(square.event()), key=Ed25519PrivateKey.generate())


def signed_by_another_agent(square):
    return post(square, body_of(square.event()), key=scene("museum").key)


def named_like_nobody(square):
    return post(square, body_of(square.event()), key_id="00000000-0000-0000-0000-000000000000")


def signed_too_long_ago(square):
    return post(square, body_of(square.event()), now=time.time() - 3600)


def signed_for_tomorrow(square):
    return post(square, body_of(square.event()), now=time.time() + 86400)


def with_another_body(square):
    headers = signed_headers("POST", ADDRESS, body_of(), square.key, str(square.agent.pk))
    return post(square, body_of(square.event()), headers=headers)


def with_another_method(square):
    headers = signed_headers("PUT", ADDRESS, body_of(square.event()), square.key, str(square.agent.pk))
    return post(square, body_of(square.event()), headers=headers)


def with_a_torn_signature(square):
    headers = signed_headers("POST", ADDRESS, body_of(square.event()), square.key, str(square.agent.pk))
    headers["Signature"] = headers["Signature"][:-9] + "AAAAAAA=:"
    return post(square, body_of(square.event()), headers=headers)


def of_a_foreign_site(square):
    return post(square, body_of(square.event(site="museum")))


def of_a_foreign_camera(square):
    return post(square, body_of(square.event(), square.event(camera="vault")))


def of_a_revoked_agent(square):
    square.agent.revoked = timezone.now()
    square.agent.save()
    return post(square, body_of(square.event()))


def malformed(square):
    return post(square, b'{"events": ')


REFUSALS = {
    unsigned: 401,
    signed_by_a_stranger: 401,
    signed_by_another_agent: 401,
    named_like_nobody: 401,
    signed_too_long_ago: 401,
    signed_for_tomorrow: 401,
    with_another_body: 401,
    with_another_method: 401,
    with_a_torn_signature: 401,
    of_a_foreign_site: 403,
    of_a_foreign_camera: 403,
    of_a_revoked_agent: 403,
    malformed: 400,
}


@pytest.mark.parametrize(("send", "status"), REFUSALS.items(), ids=[send.__name__ for send in REFUSALS])
def test_a_refused_batch_has_its_status_stores_nothing_and_leaves_one_row(square, send, status):
    answer = send(square)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert (Event.objects.count(), Alert.objects.count()) == (0, 0)
    row = AuditRow.objects.get()
    assert (row.verb, row.subject, row.data["status"], row.data["method"]) == ("machine.refused", EVENTS, status, "POST")


@pytest.mark.parametrize("send", [of_a_foreign_site, of_a_foreign_camera], ids=["site", "camera"])
def test_the_row_of_a_known_agent_names_it_and_its_own_site(square, send):
    send(square)
    row = AuditRow.objects.get()
    assert (row.actor, row.site) == (f"agent:{square.agent.pk}", "square")


@pytest.mark.parametrize("send", [unsigned, signed_by_a_stranger, named_like_nobody], ids=["unsigned", "stranger", "nobody"])
def test_the_row_of_somebody_unproven_names_nobody(square, send):
    send(square)
    row = AuditRow.objects.get()
    assert (row.actor, row.site) == ("unknown", "")
    assert row.data["address"] == "127.0.0.1"


def test_a_replayed_batch_is_409_and_one_row_each_time(square):
    body = body_of(square.event())
    headers = signed_headers("POST", ADDRESS, body, square.key, str(square.agent.pk))
    assert [post(square, body, headers=headers).status_code for _ in range(4)] == [200, 409, 409, 409]
    assert AuditRow.objects.filter(verb="machine.refused").count() == 3
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_the_same_message_sent_many_times_at_once_one_is_taken(square):
    body = body_of(square.event())
    headers = signed_headers("POST", ADDRESS, body, square.key, str(square.agent.pk))
    together, statuses = threading.Barrier(4), []

    def send():
        together.wait(10)
        statuses.append(post(square, body, headers=headers).status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200, 409, 409, 409]
    assert AuditRow.objects.filter(verb="machine.refused").count() == 3


def test_one_agents_nonce_is_free_for_another(square):
    museum = scene("museum")
    statuses = {post_events(each.agent, each.key, [each.event()]).status_code for each in (square, museum)}
    assert statuses == {200}


def test_a_stale_message_says_how_far_off_the_clock_is(square):
    detail = signed_too_long_ago(square).json()
    assert detail["skew_s"] == pytest.approx(3600, abs=5)


def test_a_message_within_the_window_is_taken_from_a_clock_that_is_a_little_off(square):
    assert [post(square, body_of(square.event()), now=time.time() + off).status_code for off in (-200, 200)] == [200, 200]


def test_no_row_repeats_what_the_message_said(square):
    post(square, body_of(square.event(site="museum", data={"zone": "a secret corner"})))
    assert "secret" not in json.dumps(AuditRow.objects.get().data)


def test_a_long_foreign_name_does_not_swell_the_log(square):
    post(square, body_of(square.event(site="x" * 10_000)))
    assert len(AuditRow.objects.get().data["reason"]) <= 300


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_missing_part_of_the_signature_is_401(square, header):
    body = body_of(square.event())
    headers = signed_headers("POST", ADDRESS, body, square.key, str(square.agent.pk))
    del headers[next(name for name in headers if name.lower() == header.lower())]
    assert post(square, body, headers=headers).status_code == 401
    assert AuditRow.objects.count() == 1


@pytest.mark.parametrize("value", ["", "=", "sig1=:AAAA:", "sig1=(", "x" * 20_000, "sig1=();created=1e999", 'sig1=("@method");keyid="\x7f"'])
@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_nonsense_in_the_signature_is_401_and_never_an_error(square, header, value):
    body = body_of(square.event())
    headers = signed_headers("POST", ADDRESS, body, square.key, str(square.agent.pk))
    headers[next(name for name in headers if name.lower() == header.lower())] = value
    assert post(square, body, headers=headers).status_code == 401


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_a_signed_call_by_a_verb_that_is_not_there_is_405(square, method):
    assert send_in_process(method, EVENTS, b"", square.key, str(square.agent.pk)).status_code == 405


def test_a_signed_in_administrator_cannot_speak_for_an_agent(square):
    client = Client()
    client.force_login(square.administrator, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(EVENTS, body_of(square.event()), content_type="application/json").status_code == 401
    assert Event.objects.count() == 0


def test_an_honest_batch_after_all_that_is_taken(square):
    for send in (unsigned, signed_by_a_stranger, of_a_foreign_site, malformed):
        send(square)
    assert post(square, body_of(square.event())).status_code == 200
    assert Event.objects.count() == 1
