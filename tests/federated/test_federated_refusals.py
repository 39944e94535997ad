"""What the SuperLink's door refused: kept once for each caller, handed over until it is settled."""

from __future__ import annotations

import asyncio
import base64

import pytest

from federated.learning import refusals, superlink
from federated.trust import pki

FLEET, CONTROL = 4001, 4000


def scope(port=FLEET, path="/v1/control/start-run", address="10.0.0.7", key=b""):
    headers = [(b"flwr-public-key", base64.b64encode(key))] if key else []
    return {"type": "http", "server": ("127.0.0.1", port), "client": (address, 5), "path": path, "headers": headers}


def call(door, called):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(door(called, None, send))
    return sent[0]["status"]


@pytest.fixture
def door(tmp_path):
    """In front of a Flower that refuses whoever shows a key beginning with "bad"."""

    async def flower(called, receive, send):
        shown = base64.b64decode(dict(called["headers"]).get(b"flwr-public-key", b""))
        await send({"type": "http.response.start", "status": 401 if shown.startswith(b"bad") else 200, "headers": []})

    return superlink.Guarded(flower, FLEET, "secret", refusals.Refusals(tmp_path))


def test_a_start_of_a_run_from_the_agents_network_is_refused_and_kept(door, tmp_path):
    assert call(door, scope()) == 404
    (kept,) = refusals.take(tmp_path)
    assert (kept["listener"], kept["address"], kept["path"], kept["status"]) == ("fleet", "10.0.0.7", "/v1/control/start-run", 404)


def test_a_wrong_token_at_the_control_listener_is_kept_too(door, tmp_path):
    assert call(door, scope(CONTROL)) == 404
    assert refusals.take(tmp_path)[0]["listener"] == "control"


def test_a_node_that_flower_refuses_is_kept_with_the_digest_of_its_key(door, tmp_path):
    assert call(door, scope(path="/v1/fleet/activate-node", key=b"bad one\n")) == 401
    assert refusals.take(tmp_path)[0]["key"] == refusals.digest_of(b"bad one")


def test_a_node_that_is_welcome_leaves_no_line(door, tmp_path):
    assert call(door, scope(path="/v1/fleet/activate-node", key=b"good")) == 200
    assert refusals.take(tmp_path) == []


def test_who_knocks_again_and_again_is_kept_once_an_hour(tmp_path):
    now = [0.0]
    kept = refusals.Refusals(tmp_path, clock=lambda: now[0])
    for now[0] in (0.0, 8.0, 16.0, 3599.0, 3601.0):
        kept.note(scope(), "fleet", 404)
    assert len(refusals.take(tmp_path)) == 2


def test_two_keys_behind_one_address_are_two_callers(tmp_path):
    kept = refusals.Refusals(tmp_path)
    for key in (b"bad 1", b"bad 2", b"bad 1"):
        kept.note(scope(path="/v1/fleet/pull-messages", key=key), "fleet", 401)
    assert len(refusals.take(tmp_path)) == 2


def test_what_was_taken_comes_again_until_it_is_settled(tmp_path):
    kept = refusals.Refusals(tmp_path)
    kept.note(scope(), "fleet", 404)
    first = refusals.take(tmp_path)
    kept.note(scope(path="/docs"), "fleet", 404)
    assert refusals.take(tmp_path) == first
    refusals.settle(tmp_path)
    assert [each["path"] for each in refusals.take(tmp_path)] == ["/docs"]


def test_a_torn_line_is_left_out(tmp_path):
    refusals.Refusals(tmp_path).note(scope(), "fleet", 404)
    with (tmp_path / refusals.FILE).open("a") as file:
        file.write('{"id": "x", "lis')
    assert len(refusals.take(tmp_path)) == 1


def test_a_full_disk_neither_opens_nor_closes_the_door(door, tmp_path):
    door.refusals.path = tmp_path / "nowhere" / "refusals.jsonl"
    assert call(door, scope()) == 404
    assert call(door, scope(path="/v1/fleet/activate-node", key=b"good")) == 200


@pytest.mark.parametrize("shown", [b"!", b"\xff\xfe", b"A"])
def test_a_senseless_key_is_no_key(shown):
    assert refusals.caller_key({"headers": [(refusals.KEY_HEADER, shown)]}) == ""


def test_the_digest_is_that_of_the_key_an_agent_registered(tmp_path):
    text = pki.make_node_key(tmp_path / "node.key")
    pem = pki.check_node_public_key(text)
    assert refusals.caller_key(scope(key=pem)) == refusals.digest_of(pem.strip())
