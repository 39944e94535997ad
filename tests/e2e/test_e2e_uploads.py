"""Uploads in pieces to a portal that really listens: the session ends, the portal is killed, and nothing is lost or held in memory."""

from __future__ import annotations

import contextlib

import pytest

from tests.e2e.server import prepared_portal, serving
from tests.load.bench_upload import FLAT, MB, SIGN_OUT, STORED, peak
from tests.portal.tus_client import PIECE, TUS, TusClient

SIZE = 40 * MB + 12_345


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    with prepared_portal(tmp_path_factory.mktemp("uploads")) as portal:
        yield portal


def test_a_file_arrives_though_the_session_ends_and_the_portal_is_killed(prepared):
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(serving(prepared))]
        person = TusClient(prepared.address, "operator@specola.example", prepared.password)
        address, before = person.begin(SIZE), peak(servers[0])

        def kill() -> None:
            assert peak(servers[0]) - before < FLAT
            servers[0].kill()
            servers[0].wait()
            servers.append(running.enter_context(serving(prepared)))

        sent = person.send(address, SIZE, {1: lambda: prepared.django(SIGN_OUT), 3: kill})
        assert person.sign_ins == 2
    assert prepared.django(STORED).split() == [sent, str(SIZE)]


def test_a_piece_past_the_limit_is_refused_before_the_portal_reads_it(prepared):
    with serving(prepared):
        person = TusClient(prepared.address, "operator@specola.example", prepared.password)
        address = person.begin(SIZE)
        answer = person.call(
            "PATCH", address, content=bytes(PIECE + 1), headers={"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", **TUS}
        )
        assert answer.status_code == 413
        assert person.where(address) == 0
