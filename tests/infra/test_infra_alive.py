"""When worker and agents last reported: asked of the portal, never of its tables; the portal answers only who can read its home folder."""

from __future__ import annotations

import ast
import http.server
import json
import re
import threading
from pathlib import Path

import pytest

from infra import alive

KEY = "k-$9"
INFRA = Path(alive.__file__).parent
ENTRY_POINTS = {"portal.settings", "portal.asgi:application"}  # what Django's and uvicorn's own command lines take
INSIDE = re.compile(r"from django|import django|from portal|import portal|portal\.[a-z]+\.[a-z]+|procrastinate_|(FROM|INTO|UPDATE|JOIN) (?!pg_)[a-z]+_[a-z]+")


@pytest.fixture
def portal(tmp_path):
    """A server that answers with `handler.body` whoever shows the key, and its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        body: object = {"worker": 100.5, "agents": {"gate": 200.0}}

        def do_GET(self):
            good = self.path == "/healthz/programs" and self.headers["Authorization"] == f"Bearer {KEY}"
            self.send_response(200 if good else 403)
            self.end_headers()
            self.wfile.write(json.dumps(self.body).encode() if good else b"no")

        def log_message(self, *_):
            pass

    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "supervisor.key").write_text(KEY)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Handler.address = f"http://127.0.0.1:{server.server_port}"
        yield Handler
        server.shutdown()


def test_a_program_lives_when_it_reported_after_the_moment_asked_for(portal, tmp_path):
    assert alive.worker_since(tmp_path, portal.address, 100.0)
    assert not alive.worker_since(tmp_path, portal.address, 101.0)
    assert alive.agent_since(tmp_path, portal.address, "gate", 199.0)
    assert not alive.agent_since(tmp_path, portal.address, "gate", 200.0)
    assert not alive.agent_since(tmp_path, portal.address, "elsewhere", 0.0)


def test_a_worker_that_never_reported_does_not_live(portal, tmp_path):
    portal.body = {"worker": None, "agents": {}}
    assert not alive.worker_since(tmp_path, portal.address, 0.0)


@pytest.mark.parametrize("key", [None, "", "another", "two\nlines"])
def test_without_the_right_key_nothing_is_known(portal, tmp_path, key):
    file = tmp_path / "secrets" / "supervisor.key"
    file.unlink()
    if key is not None:
        file.write_text(key)
    assert alive.ask(tmp_path, portal.address) == {}


def test_a_portal_that_is_away_or_talks_nonsense_answers_nothing(portal, tmp_path):
    assert alive.ask(tmp_path, "http://127.0.0.1:1") == {}
    portal.body = 5
    assert alive.ask(tmp_path, portal.address) == {}


def test_no_string_in_infra_holds_djangos_source_or_a_table_of_the_portals():
    found = []
    for file in sorted(INFRA.rglob("*.py")):
        strings = [node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        found += [(file.name, string) for string in strings if string not in ENTRY_POINTS and INSIDE.search(string)]
    assert found == []
