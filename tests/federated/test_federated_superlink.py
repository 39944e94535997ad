"""The guarded SuperLink's door and its refusals to start; the live tests hold it as a whole."""

from __future__ import annotations

import asyncio
import socket

import pytest

from federated.learning import superlink
from federated.learning.control import TOKEN_HEADER

FLEET, CONTROL = 4001, 4000
NOT_FLEET = ["", "/", "/v1/fleet", "/v1/fleets/x", "/V1/FLEET/x", "/health/", "/healthy", "/v1/control/start-run", "//v1/fleet/x", "/x/v1/fleet/"]


def scope(port: int, path: str, *, token: str | None = None, kind: str = "http") -> dict:
    headers = [] if token is None else [(TOKEN_HEADER.encode(), token.encode())]
    return {"type": kind, "server": ("127.0.0.1", port), "path": path, "headers": headers}


@pytest.fixture
def door():
    return superlink.Guarded(None, FLEET, "secret")


@pytest.mark.parametrize("path", ["/health", "/v1/fleet/pull-messages", "/v1/fleet/activate-node"])
def test_the_fleet_reaches_what_a_supernode_needs(door, path):
    assert door.allows(scope(FLEET, path))


@pytest.mark.parametrize(
    "path", ["", "/", "/v1/fleet", "/v1/fleets/x", "/V1/FLEET/x", "/health/", "/healthy", "/v1/control/start-run", "//v1/fleet/x", "/x/v1/fleet/"]
)
def test_the_fleet_reaches_nothing_else(door, path):
    assert not door.allows(scope(FLEET, path, token="secret"))  # noqa: S106 - a made-up token


@pytest.mark.parametrize("kind", ["websocket", "anything"])
def test_only_http_passes(door, kind):
    assert not door.allows(scope(FLEET, "/v1/fleet/x", kind=kind))
    assert not door.allows(scope(CONTROL, "/v1/control/x", kind=kind))


@pytest.mark.parametrize(("token", "passes"), [("secret", True), ("Secret", False), ("", False), (None, False), ("secret ", False)])
def test_the_control_api_wants_the_token(door, token, passes):
    assert door.allows(scope(CONTROL, "/v1/control/start-run", token=token)) is passes


def test_the_executor_needs_no_token_on_the_control_listener(door):
    assert door.allows(scope(CONTROL, "/v1/runtime/acquire-task"))


def test_a_refused_request_gets_404_and_flower_never_sees_it(door):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(door(scope(FLEET, "/v1/control/start-run"), None, send))
    assert sent[0]["status"] == 404


@pytest.mark.parametrize("control", ["0.0.0.0:0", "192.0.2.1:4000", "nonsense", "127.0.0.1", "127.0.0.1:port", "portal.example:4000"])
def test_a_control_address_off_loopback_is_refused_with_a_sentence(tmp_path, capsys, control):
    assert superlink.main(["--home", str(tmp_path), "--control", control, "--fleet", "127.0.0.1:0"]) == superlink.EXIT_USAGE
    assert capsys.readouterr().err.startswith("superlink: ")


def test_a_taken_port_is_one_clear_sentence(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert superlink.main(["--home", str(tmp_path), "--control", address, "--fleet", "127.0.0.1:0"]) == superlink.EXIT_USAGE
    assert f"cannot listen on {address}" in capsys.readouterr().err


def test_a_damaged_authority_is_one_clear_sentence(tmp_path, capsys):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.key").write_text("rubbish")
    assert superlink.main(["--home", str(tmp_path), "--control", "127.0.0.1:0", "--fleet", "127.0.0.1:0"]) == superlink.EXIT_USAGE
    assert "ca.key is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(("fleet", "hosts"), [("0.0.0.0:1", []), ("[::]:1", []), ("portal.example:1", ["portal.example"]), ("[::1]:1", ["::1"])])
def test_the_certificate_names_the_fleets_host_when_it_is_one(fleet, hosts):
    assert superlink.certificate_hosts(fleet) == hosts


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path):
    first = superlink.kept_secret(tmp_path / "token")
    assert superlink.kept_secret(tmp_path / "token") == first
    assert len(first) > 40
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
